package batch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// MaxArraySize is the most children an array job may have. AWS Batch stops at
// 10,000; waiting children cost nothing here.
const MaxArraySize = 1_000_000

// ChildID returns the id of child index of an array: "<parent>:<index>".
func ChildID(parent string, index int) string {
	return parent + ":" + strconv.Itoa(index)
}

// SplitChild takes the id of an array child apart. ok is false for any other id.
func SplitChild(id string) (parent string, index int, ok bool) {
	parent, suffix, found := strings.Cut(id, ":")
	if !found || suffix == "" || (suffix[0] == '0' && suffix != "0") {
		return "", 0, false
	}
	for _, c := range suffix {
		if c < '0' || c > '9' {
			return "", 0, false
		}
	}
	index, err := strconv.Atoi(suffix)
	if err != nil || index >= MaxArraySize {
		return "", 0, false
	}
	return parent, index, true
}

// TaskID returns the ECS task id of an attempt: 32 hex digits derived from what
// was recorded before the task is asked for, so that asking twice runs it once.
func TaskID(jobID string, attempt int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "task/%s/%d", jobID, attempt))
	return hex.EncodeToString(sum[:16])
}

// Account is the one account and region that a server answers for.
type Account struct {
	Region string
	ID     string // 12 digits
}

// ARN returns the Amazon resource name of a Batch resource: kind is "job",
// "job-queue", "compute-environment", "job-definition" or "scheduling-policy".
func (a Account) ARN(kind, name string) string {
	return "arn:aws:batch:" + a.Region + ":" + a.ID + ":" + kind + "/" + name
}

// ECS returns the ARN of an ECS resource, for example "task/<cluster>/<id>".
func (a Account) ECS(resource string) string {
	return "arn:aws:ecs:" + a.Region + ":" + a.ID + ":" + resource
}

// TaskARN returns the ARN of the task of a placement.
func (a Account) TaskARN(p Placement) string { return a.ECS("task/" + p.Cluster + "/" + p.TaskID()) }

// InstanceARN returns the container instance ARN of a host in a cluster; ref is ECS's id
// of it, if it has one of its own.
func (a Account) InstanceARN(cluster, host, ref string) string {
	if ref != "" {
		return a.ECS("container-instance/" + cluster + "/" + ref)
	}
	sum := sha256.Sum256([]byte("container-instance/" + host))
	return a.ECS("container-instance/" + cluster + "/" + hex.EncodeToString(sum[:16]))
}

// NameOf reduces a reference to a resource of a kind, which clients give as name
// or as ARN of any region or account, to the name. A reference that is neither
// comes back as it is; the look-up will not find it.
func NameOf(kind, ref string) string {
	if !strings.HasPrefix(ref, "arn:") {
		return ref
	}
	parts := strings.SplitN(ref, ":", 6)
	if len(parts) != 6 {
		return ref
	}
	name, ok := strings.CutPrefix(parts[5], kind+"/")
	if !ok {
		return ref
	}
	return name
}
