package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// ecsCalls are the operations of ECS that lead from a job's task to its host.
var ecsCalls = callTable{
	service: "ECS",
	prefix:  "AmazonEC2ContainerServiceV20141113.",
	names:   []string{"DescribeTasks", "DescribeContainerInstances", "DescribeClusters", "ListTasks", "ListContainerInstances", "ListClusters"},
	serve: map[string]func(context.Context, *handler, *call) (any, error){
		"DescribeTasks":              rpc((*handler).describeTasks),
		"DescribeContainerInstances": rpc((*handler).describeContainerInstances),
		"DescribeClusters":           rpc((*handler).describeClusters),
		"ListTasks":                  rpc((*handler).listTasks),
		"ListContainerInstances":     rpc((*handler).listContainerInstances),
		"ListClusters":               rpc((*handler).listClusters),
	},
}

// maxDescribed is the most that one Describe call of ECS takes, and the most that a
// page of a List call holds.
const maxDescribed = 100

// epoch is a time as ECS writes it: seconds since 1970, with a fraction.
type epoch float64

func epochOf(t time.Time) epoch {
	if t.IsZero() {
		return 0
	}
	return epoch(float64(t.UnixMilli()) / 1000)
}

type ecsFailure struct{ Arn, Reason string }

// missing is how ECS answers for what it does not know.
func missing(ref string) ecsFailure { return ecsFailure{Arn: ref, Reason: "MISSING"} }

func ecsInvalid(format string, args ...any) error {
	return &failure{status: http.StatusBadRequest, code: "InvalidParameterException", message: fmt.Sprintf(format, args...)}
}

var errNoCluster = &failure{status: http.StatusBadRequest, code: "ClusterNotFoundException",
	message: "Cluster not found. It must be the ecsClusterArn of a compute environment, or its name."}

// lastPart reduces an ARN to the id or name at its end; anything else stays.
func lastPart(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

func (h *handler) fleet() (Fleet, error) {
	if h.Fleet == nil {
		return nil, &failure{status: http.StatusBadRequest, code: codeUnknown,
			message: "this server answers no ECS or EC2 calls; tasks and instances are in the AWS account, unset AWS_ENDPOINT_URL_ECS and AWS_ENDPOINT_URL_EC2 to ask there"}
	}
	return h.Fleet, nil
}

// cluster resolves the cluster that a call names. Without one ECS means the cluster
// "default", which Batch never has; here it means whichever holds what is asked for.
func (h *handler) cluster(ctx context.Context, ref string) (name string, err error) {
	if ref == "" {
		return "", nil
	}
	all, err := h.Fleet.Clusters(ctx)
	if err != nil {
		return "", err
	}
	name = lastPart(ref)
	if !slices.ContainsFunc(all, func(c ClusterView) bool { return c.Name == name }) {
		return "", errNoCluster
	}
	return name, nil
}

type describeTasksInput struct {
	Cluster string
	Tasks   []string
}

type ecsTask struct {
	TaskArn              string
	ClusterArn           string
	ContainerInstanceArn string
	TaskDefinitionArn    string
	Group                string
	StartedBy            string
	AvailabilityZone     string
	LaunchType           string
	LastStatus           string
	DesiredStatus        string
	Cpu                  string // units of 1/1024 vCPU
	Memory               string // MiB
	Containers           []ecsContainer
	CreatedAt            epoch `json:",omitempty"`
	StartedAt            epoch `json:",omitempty"`
	StoppedAt            epoch `json:",omitempty"`
	StopCode             string
	StoppedReason        string
	Version              int64
}

type ecsContainer struct {
	ContainerArn      string
	TaskArn           string
	Name              string
	Image             string
	RuntimeId         string
	LastStatus        string
	ExitCode          *int32
	Reason            string
	NetworkInterfaces []struct{}
}

type describeTasksOutput struct {
	Tasks    []ecsTask
	Failures []ecsFailure
}

func (h *handler) describeTasks(ctx context.Context, in *describeTasksInput) (*describeTasksOutput, error) {
	fleet, err := h.fleet()
	if err != nil {
		return nil, err
	}
	if len(in.Tasks) == 0 {
		return nil, ecsInvalid("Tasks cannot be empty.")
	}
	if len(in.Tasks) > maxDescribed {
		return nil, ecsInvalid("Tasks can have at most %d items, not %d; ask for the rest in further calls.", maxDescribed, len(in.Tasks))
	}
	cluster, err := h.cluster(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	out := &describeTasksOutput{Tasks: []ecsTask{}, Failures: []ecsFailure{}}
	for _, ref := range in.Tasks {
		view, ok, err := fleet.Task(ctx, lastPart(ref))
		if err != nil {
			return nil, err
		}
		if !ok || cluster != "" && lastPart(view.ClusterARN) != cluster {
			out.Failures = append(out.Failures, missing(h.ecsARN("task", cluster, ref)))
			continue
		}
		out.Tasks = append(out.Tasks, taskOf(view))
	}
	return out, nil
}

// ecsARN is what a failure shows: the ARN that was asked for, or would have been.
func (h *handler) ecsARN(kind, cluster, ref string) string {
	if strings.HasPrefix(ref, "arn:") {
		return ref
	}
	if cluster != "" {
		ref = cluster + "/" + ref
	}
	return h.Account.ECS(kind + "/" + ref)
}

func taskOf(v TaskView) ecsTask {
	t := ecsTask{
		TaskArn: v.ARN, ClusterArn: v.ClusterARN, ContainerInstanceArn: v.ContainerInstanceARN, TaskDefinitionArn: v.Definition,
		StartedBy: v.JobID, AvailabilityZone: v.Zone, LaunchType: "EC2", LastStatus: v.Status, DesiredStatus: v.desired(),
		Cpu:        strconv.FormatInt(v.Needs.MilliVCPU*1024/1000, 10),
		Memory:     strconv.FormatInt(v.Needs.MemoryMiB, 10),
		Containers: make([]ecsContainer, len(v.Containers)),
		CreatedAt:  epochOf(v.CreatedAt), StartedAt: epochOf(v.StartedAt), StoppedAt: epochOf(v.StoppedAt),
		StopCode: v.StopCode, StoppedReason: v.StoppedReason, Version: 1,
	}
	if v.Fargate {
		t.LaunchType = "FARGATE"
	}
	if family, _, _ := strings.Cut(lastPart(v.Definition), ":"); family != "" {
		t.Group = "family:" + family
	}
	for i, c := range v.Containers {
		status := v.Status
		if c.ExitCode != nil {
			status = "STOPPED"
		}
		t.Containers[i] = ecsContainer{
			ContainerArn: strings.Replace(v.ARN, ":task/", ":container/", 1) + "/" + c.Name, TaskArn: v.ARN,
			Name: c.Name, Image: c.Image, RuntimeId: c.RuntimeID, LastStatus: status, ExitCode: c.ExitCode, Reason: c.Reason,
			NetworkInterfaces: []struct{}{},
		}
	}
	return t
}

func (v TaskView) desired() string {
	switch {
	case v.Desired != "":
		return v.Desired
	case v.Status == "STOPPED":
		return "STOPPED"
	}
	return "RUNNING"
}

type describeContainerInstancesInput struct {
	Cluster            string
	ContainerInstances []string
}

type ecsInstance struct {
	ContainerInstanceArn string
	Ec2InstanceId        string
	Status               string
	StatusReason         string
	AgentConnected       bool
	RunningTasksCount    int
	PendingTasksCount    int
	RegisteredResources  []ecsResource
	RemainingResources   []ecsResource
	Attributes           []ecsAttribute
	RegisteredAt         epoch `json:",omitempty"`
	Version              int64
}

type ecsResource struct {
	Name         string
	Type         string
	IntegerValue *int64
	// StringSetValue names the GPUs.
	StringSetValue []string
}

type ecsAttribute struct{ Name, Value string }

type describeContainerInstancesOutput struct {
	ContainerInstances []ecsInstance
	Failures           []ecsFailure
}

func (h *handler) describeContainerInstances(ctx context.Context, in *describeContainerInstancesInput) (*describeContainerInstancesOutput, error) {
	fleet, err := h.fleet()
	if err != nil {
		return nil, err
	}
	if len(in.ContainerInstances) == 0 {
		return nil, ecsInvalid("Container instances cannot be empty.")
	}
	if len(in.ContainerInstances) > maxDescribed {
		return nil, ecsInvalid("Container instances can have at most %d items, not %d; ask for the rest in further calls.", maxDescribed, len(in.ContainerInstances))
	}
	cluster, err := h.cluster(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	out := &describeContainerInstancesOutput{ContainerInstances: []ecsInstance{}, Failures: []ecsFailure{}}
	for _, ref := range in.ContainerInstances {
		view, ok, err := fleet.ContainerInstance(ctx, lastPart(ref))
		if err != nil {
			return nil, err
		}
		if !ok || cluster != "" && lastPart(view.ClusterARN) != cluster {
			out.Failures = append(out.Failures, missing(h.ecsARN("container-instance", cluster, ref)))
			continue
		}
		out.ContainerInstances = append(out.ContainerInstances, instanceOf(view))
	}
	return out, nil
}

func instanceOf(v HostView) ecsInstance {
	status := v.ecsStatus()
	arch := "x86_64"
	if v.Arch == "arm64" {
		arch = "arm64"
	}
	return ecsInstance{
		ContainerInstanceArn: v.ContainerInstanceARN, Ec2InstanceId: v.Instance, Status: status, StatusReason: v.Reason,
		AgentConnected: status == "ACTIVE" || status == "DRAINING", RunningTasksCount: v.Running,
		RegisteredResources: v.resources(v.Has.MilliVCPU, v.Has.MemoryMiB, v.Has.GPUs),
		RemainingResources:  v.resources(v.Free.MilliVCPU, v.Free.MemoryMiB, v.Free.GPUs),
		Attributes: []ecsAttribute{
			{"ecs.instance-type", v.Type}, {"ecs.availability-zone", v.Zone}, {"ecs.os-type", "linux"}, {"ecs.cpu-architecture", arch},
		},
		RegisteredAt: epochOf(v.ReadyAt), Version: 1,
	}
}

func (v HostView) ecsStatus() string {
	switch v.State {
	case compute.HostReady:
		return "ACTIVE"
	case compute.HostDraining:
		return "DRAINING"
	case compute.HostGone:
		return "INACTIVE"
	}
	return "REGISTERING"
}

func (v HostView) resources(milliVCPU, memoryMiB, gpus int64) []ecsResource {
	all := []ecsResource{
		{Name: "CPU", Type: "INTEGER", IntegerValue: new(milliVCPU * 1024 / 1000)},
		{Name: "MEMORY", Type: "INTEGER", IntegerValue: &memoryMiB},
	}
	if v.Has.GPUs > 0 {
		names := make([]string, gpus)
		for i := range names {
			names[i] = fmt.Sprintf("GPU-%s-%d", strings.TrimPrefix(v.Instance, "i-"), i)
		}
		all = append(all, ecsResource{Name: "GPU", Type: "STRINGSET", StringSetValue: names})
	}
	return all
}

type describeClustersInput struct{ Clusters []string }

type ecsCluster struct {
	ClusterArn                        string
	ClusterName                       string
	Status                            string
	RegisteredContainerInstancesCount int
	RunningTasksCount                 int
	PendingTasksCount                 int
	ActiveServicesCount               int
}

type describeClustersOutput struct {
	Clusters []ecsCluster
	Failures []ecsFailure
}

func (h *handler) describeClusters(ctx context.Context, in *describeClustersInput) (*describeClustersOutput, error) {
	fleet, err := h.fleet()
	if err != nil {
		return nil, err
	}
	if len(in.Clusters) > maxDescribed {
		return nil, ecsInvalid("Clusters can have at most %d items, not %d; ask for the rest in further calls.", maxDescribed, len(in.Clusters))
	}
	if len(in.Clusters) == 0 {
		in.Clusters = []string{"default"}
	}
	all, err := fleet.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	out := &describeClustersOutput{Clusters: []ecsCluster{}, Failures: []ecsFailure{}}
	for _, ref := range in.Clusters {
		i := slices.IndexFunc(all, func(c ClusterView) bool { return c.Name == lastPart(ref) })
		if i < 0 {
			out.Failures = append(out.Failures, missing(h.ecsARN("cluster", "", ref)))
			continue
		}
		c := all[i]
		out.Clusters = append(out.Clusters, ecsCluster{ClusterArn: c.ARN, ClusterName: c.Name, Status: "ACTIVE",
			RegisteredContainerInstancesCount: c.Hosts, RunningTasksCount: c.Running, PendingTasksCount: c.Pending})
	}
	return out, nil
}

type listInput struct {
	Cluster           string
	ContainerInstance string
	StartedBy         string
	DesiredStatus     string
	LaunchType        string
	Status            string
	NextToken         string
	MaxResults        *int32
}

type listTasksOutput struct {
	TaskArns  []string
	NextToken string
}

func (h *handler) listTasks(ctx context.Context, in *listInput) (*listTasksOutput, error) {
	fleet, err := h.fleet()
	if err != nil {
		return nil, err
	}
	names, err := h.clustersToList(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, name := range names {
		tasks, err := fleet.Tasks(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, t := range tasks {
			fargate := in.LaunchType == "FARGATE"
			if in.StartedBy != "" && t.JobID != in.StartedBy ||
				in.ContainerInstance != "" && lastPart(t.ContainerInstanceARN) != lastPart(in.ContainerInstance) ||
				in.LaunchType != "" && t.Fargate != fargate ||
				cmp.Or(in.DesiredStatus, "RUNNING") != t.desired() {
				continue
			}
			arns = append(arns, t.ARN)
		}
	}
	out := &listTasksOutput{}
	out.TaskArns, out.NextToken, err = pageOf(arns, in.NextToken, in.MaxResults)
	return out, err
}

type listContainerInstancesOutput struct {
	ContainerInstanceArns []string
	NextToken             string
}

func (h *handler) listContainerInstances(ctx context.Context, in *listInput) (*listContainerInstancesOutput, error) {
	fleet, err := h.fleet()
	if err != nil {
		return nil, err
	}
	cluster, err := h.cluster(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	hosts, err := fleet.Hosts(ctx)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, v := range hosts {
		status := v.ecsStatus()
		if cluster != "" && lastPart(v.ClusterARN) != cluster || status == "INACTIVE" || in.Status != "" && status != in.Status {
			continue
		}
		arns = append(arns, v.ContainerInstanceARN)
	}
	out := &listContainerInstancesOutput{}
	out.ContainerInstanceArns, out.NextToken, err = pageOf(arns, in.NextToken, in.MaxResults)
	return out, err
}

type listClustersOutput struct {
	ClusterArns []string
	NextToken   string
}

func (h *handler) listClusters(ctx context.Context, in *listInput) (*listClustersOutput, error) {
	fleet, err := h.fleet()
	if err != nil {
		return nil, err
	}
	all, err := fleet.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, c := range all {
		arns = append(arns, c.ARN)
	}
	out := &listClustersOutput{}
	out.ClusterArns, out.NextToken, err = pageOf(arns, in.NextToken, in.MaxResults)
	return out, err
}

// clustersToList is the cluster that is named, or all.
func (h *handler) clustersToList(ctx context.Context, ref string) ([]string, error) {
	name, err := h.cluster(ctx, ref)
	if err != nil || name != "" {
		return []string{name}, err
	}
	all, err := h.Fleet.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	return names, nil
}

// pageOf cuts a page out of keys, which it sorts: those behind the token, which is
// the last key of the page before.
func pageOf(keys []string, token string, most *int32) (page []string, next string, err error) {
	size := int32(maxDescribed)
	if most != nil {
		size = *most
	}
	if size < 1 || size > maxDescribed {
		return nil, "", ecsInvalid("maxResults must be between 1 and %d, not %d.", maxDescribed, size)
	}
	return pageAfter(keys, token, int(size))
}

func pageAfter(keys []string, token string, size int) (page []string, next string, err error) {
	slices.Sort(keys)
	after, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, "", ecsInvalid("Invalid token: %s; give the nextToken of the page before, or none.", clip(token))
	}
	at, found := slices.BinarySearch(keys, string(after))
	if found {
		at++
	}
	page = append([]string{}, keys[at:min(at+size, len(keys))]...)
	if at+size < len(keys) {
		next = base64.RawURLEncoding.EncodeToString([]byte(page[len(page)-1]))
	}
	return page, next, nil
}
