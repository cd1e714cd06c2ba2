package api

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/logs"
)

// Fleet is what ECS and EC2 are asked about jobs: the tasks they run as and the
// hosts they run on. Clients follow the identifiers, each from the answer before:
//
//	DescribeJobs            container.taskArn
//	DescribeTasks           containerInstanceArn
//	DescribeContainerInstances  ec2InstanceId
//	DescribeInstances
//
// so a Fleet has to find each of them alone. A view may be older than the job's own
// state by what the store's orderings lag. Errors are answered as ServerException.
type Fleet interface {
	// Task returns the task with an id, the last part of its ARN; false when there
	// never was one or its job is forgotten. Tasks that ended are found as long as
	// their job is.
	Task(ctx context.Context, id string) (TaskView, bool, error)
	// Tasks returns the tasks that have not ended in the cluster of that name, in
	// any order.
	Tasks(ctx context.Context, cluster string) ([]TaskView, error)

	// Instance returns the host with an EC2 instance id ("i-..."), also one that has
	// gone not long ago.
	Instance(ctx context.Context, id string) (HostView, bool, error)
	// ContainerInstance returns the host with a container instance id, the last part
	// of its ARN.
	ContainerInstance(ctx context.Context, id string) (HostView, bool, error)
	// Hosts returns the hosts of all environments, with those that have gone not
	// long ago, in any order.
	Hosts(ctx context.Context) ([]HostView, error)

	// Clusters returns the cluster of each compute environment, in any order.
	Clusters(ctx context.Context) ([]ClusterView, error)
}

// TaskView is a task as ECS describes it: one attempt of one job.
type TaskView struct {
	ARN                  string
	ClusterARN           string
	ContainerInstanceARN string // empty on Fargate
	// JobID is the Batch job; shown as startedBy, by which ListTasks can search.
	JobID string
	// Definition is the ARN of the task definition, empty where there is none. It is
	// shown as taskDefinitionArn.
	Definition string
	// Status is lastStatus: PROVISIONING, PENDING, RUNNING or STOPPED.
	Status string
	// Desired is RUNNING or STOPPED; empty is STOPPED for a stopped task, otherwise
	// RUNNING.
	Desired string
	Fargate bool
	Zone    string
	Needs   batch.Resources
	// The times of its life; zero when it has not come so far.
	CreatedAt, StartedAt, StoppedAt time.Time
	// StopCode and StoppedReason say why it stopped, in the words of ECS.
	StopCode, StoppedReason string
	Containers              []ContainerView
}

// ContainerView is a container of a task.
type ContainerView struct {
	Name      string
	Image     string
	RuntimeID string // of Docker
	ExitCode  *int32 // nil when it has not ended, or never ran
	Reason    string
}

// HostView is a host as ECS and EC2 describe it.
type HostView struct {
	Instance             string // EC2 instance id
	ContainerInstanceARN string
	ClusterARN           string
	Environment          string // name of its compute environment
	Type                 string
	Arch                 string // "arm64"; anything else is x86_64
	Market               compute.Market
	Zone                 string
	PrivateIP            string
	State                compute.HostState
	Reason               string // why it is gone
	// LaunchedAt is when it was asked for, ReadyAt when it joined the cluster; zero
	// before that.
	LaunchedAt, ReadyAt time.Time
	// Has is what tasks may use in all, Free what is left.
	Has, Free batch.Resources
	Running   int // tasks
}

// ClusterView is an ECS cluster.
type ClusterView struct {
	ARN     string
	Name    string
	Hosts   int // registered container instances
	Running int // tasks
	Pending int // tasks
}

// Logs is what CloudWatch Logs is asked; *logs.Store is one. The errors that mean
// something are those of package logs.
type Logs interface {
	Events(ctx context.Context, group, stream string, q logs.EventsQuery) (logs.EventsPage, error)
	Filter(ctx context.Context, group string, q logs.FilterQuery) (logs.FilterPage, error)
	Streams(ctx context.Context, group string, q logs.StreamsQuery) (logs.StreamsPage, error)
	Groups(ctx context.Context, prefix string, limit int, token string) (logs.GroupsPage, error)
}

// protocolOf tells which service a request is for and how that service speaks: by
// the scope of its signature or, when it is not signed, by what it asks for.
func (h *handler) protocolOf(c *call) protocol {
	if c.service == "" {
		c.service = h.guess(c)
	}
	if aboutPlans(c.path) && c.service != "s3" {
		return planCalls{h}
	}
	if aboutTriggers(c.path) && c.service != "s3" {
		return triggerCalls{h}
	}
	switch c.service {
	case "logs":
		return jsonRPC{h, &logsCalls}
	case "ecs":
		return jsonRPC{h, &ecsCalls}
	case "ec2", "sts":
		return query{h}
	case "batch", "":
		return restJSON{h}
	}
	if strings.HasPrefix(c.path, versionPath) && c.service != "s3" {
		return restJSON{h} // signed by hand, for a service of the signer's choice
	}
	return elsewhere{h}
}

// guess finds the service of a request that is not signed.
func (h *handler) guess(c *call) string {
	target := header(c.r, "X-Amz-Target")
	switch {
	case strings.HasPrefix(target, logsCalls.prefix):
		return "logs"
	case strings.HasPrefix(target, ecsCalls.prefix):
		return "ecs"
	case c.path != "/" || !bytes.Contains(c.body, []byte("Action=")):
		return ""
	}
	form, err := url.ParseQuery(string(c.body))
	switch {
	case err != nil:
		return ""
	case form.Get("Version") == ec2Version:
		return "ec2"
	case form.Get("Version") == stsVersion:
		return "sts"
	}
	return ""
}

// elsewhere answers calls of services that are not here at all. They come when all
// services were pointed here, and then the AWS CLI shows its user the message.
type elsewhere struct{ *handler }

func (elsewhere) serve(c *call) error {
	return &failure{status: http.StatusNotImplemented, code: "NotImplemented",
		message: "this is Packhorse, which serves AWS Batch and what its clients call of logs, ecs, ec2 and sts, not " + clip(c.service) + "; set AWS_ENDPOINT_URL_BATCH in place of AWS_ENDPOINT_URL, and the others go to AWS again"}
}

func (h elsewhere) refuse(c *call, f *failure) {
	switch {
	case header(c.r, "X-Amz-Target") != "":
		jsonRPC{h.handler, nil}.refuse(c, f)
	case c.service == "s3":
		c.xml(f.status, s3Error{Code: f.code, Message: f.message, RequestID: c.id})
	case bytes.Contains(c.body, []byte("Action=")):
		query{h.handler}.refuse(c, f)
	default:
		restJSON{h.handler}.refuse(c, f)
	}
}
