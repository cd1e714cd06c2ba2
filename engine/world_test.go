package engine_test

import (
	"log/slog"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// world is a whole Packhorse on virtual time, over imitated compute.
type world struct {
	*home.Home
	t   *testing.T
	now time.Time
	sim *sim.Backend
	// over wraps the compute that a Packhorse is given; nil leaves it as it is.
	over func(compute.Backend) compute.Backend
	// ecs says that compute is ECS itself, whose lists lag.
	ecs bool
	// atOnce says that calls of compute are made beside the passes, as outside of
	// simulations; a test that wants it runs in a bubble of testing/synctest.
	atOnce bool
	// deaf says that news is lost.
	deaf bool
	// detach ends the hold of the Packhorse before a restart on the news.
	detach func()
}

// newWorld opens a world with an environment "ce" of at most 16 vCPUs on m5.xlarge
// and a queue "q".
func newWorld(t *testing.T, cfg sim.Config, table store.Table) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if table == nil {
		table = mem.Open()
	}
	cfg.Now = func() time.Time { return w.now }
	w.sim = sim.New(cfg)
	w.restart(table)
	w.environment("ce", types.CRTypeEc2, 16, "m5.xlarge")
	w.queue("q", 1, "ce")
	w.define("d", nil)
	return w
}

// open returns a new Packhorse on the same compute.
func (w *world) open(table store.Table) *home.Home {
	var backend compute.Backend = w.sim
	if w.over != nil {
		backend = w.over(w.sim)
	}
	return home.New(home.Parts{
		Table: table, Compute: backend, Account: batch.Account{Region: "us-east-1", ID: "123456789012"},
		Now: func() time.Time { return w.now }, IdleWindow: 5 * time.Minute, TaskLookup: true, Serial: !w.atOnce, ECS: w.ecs,
		Log: slog.New(slog.DiscardHandler),
	})
}

// restart makes a new Packhorse on the same table and compute, and lets it begin.
func (w *world) restart(table store.Table) {
	w.Home = w.open(table)
	if w.detach != nil {
		w.detach()
	}
	var err error
	w.detach, err = w.sim.Attach(w.t.Context(), func(news []compute.News) {
		if !w.deaf {
			w.Engine.Take(news)
		}
	})
	w.must(err)
	w.Engine.Sweep(w.t.Context())
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

func (w *world) environment(name string, kind types.CRType, maxVCPUs int32, instanceTypes ...string) {
	w.t.Helper()
	r := &types.ComputeResource{
		Type: kind, MaxvCpus: &maxVCPUs, Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
	}
	if kind != types.CRTypeFargate {
		r.MinvCpus, r.InstanceRole, r.InstanceTypes = ptr(int32(0)), ptr("ecsInstanceRole"), instanceTypes
	}
	_, err := w.CreateComputeEnvironment(w.t.Context(), &awsbatch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: &name, Type: types.CETypeManaged, ComputeResources: r,
	})
	w.must(err)
}

func (w *world) queue(name string, priority int32, envs ...string) {
	w.t.Helper()
	in := &awsbatch.CreateJobQueueInput{JobQueueName: &name, Priority: &priority}
	for i, env := range envs {
		in.ComputeEnvironmentOrder = append(in.ComputeEnvironmentOrder,
			types.ComputeEnvironmentOrder{ComputeEnvironment: ptr(env), Order: ptr(int32(i))})
	}
	_, err := w.CreateJobQueue(w.t.Context(), in)
	w.must(err)
}

// define registers a definition of 1 vCPU and 1024 MiB, changed by edit.
func (w *world) define(name string, edit func(*awsbatch.RegisterJobDefinitionInput)) {
	w.t.Helper()
	in := &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: &name, Type: types.JobDefinitionTypeContainer,
		ContainerProperties: &types.ContainerProperties{
			Image: ptr("busybox"), Command: []string{"true"}, ResourceRequirements: need("1", "1024"),
		},
	}
	if edit != nil {
		edit(in)
	}
	_, err := w.RegisterJobDefinition(w.t.Context(), in)
	w.must(err)
}

func need(vcpus, mib string) []types.ResourceRequirement {
	return []types.ResourceRequirement{
		{Type: types.ResourceTypeVcpu, Value: &vcpus}, {Type: types.ResourceTypeMemory, Value: &mib},
	}
}

// submit submits a job "j" of definition "d" to queue "q", changed by edits.
func (w *world) submit(edits ...func(*awsbatch.SubmitJobInput)) string {
	w.t.Helper()
	in := &awsbatch.SubmitJobInput{JobName: ptr("j"), JobQueue: ptr("q"), JobDefinition: ptr("d")}
	for _, edit := range edits {
		edit(in)
	}
	out, err := w.SubmitJob(w.t.Context(), in)
	w.must(err)
	return *out.JobId
}

func array(size int32) func(*awsbatch.SubmitJobInput) {
	return func(in *awsbatch.SubmitJobInput) { in.ArrayProperties = &types.ArrayProperties{Size: &size} }
}

func after(kind types.ArrayJobDependency, ids ...string) func(*awsbatch.SubmitJobInput) {
	return func(in *awsbatch.SubmitJobInput) {
		for _, id := range ids {
			d := types.JobDependency{Type: kind}
			if id != "" {
				d.JobId = ptr(id)
			}
			in.DependsOn = append(in.DependsOn, d)
		}
	}
}

// advance lets time pass: all that happens by then, in order.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	const most = 1_000_000
	for range most {
		due := w.Engine.Turn(w.t.Context())
		if next, ok := w.sim.NextEvent(); ok && (due.IsZero() || next.Before(due)) {
			due = next
		}
		if due.IsZero() || due.After(end) {
			w.now = end
			w.sim.Advance(end)
			w.Engine.Turn(w.t.Context())
			return
		}
		if due.After(w.now) {
			w.now = due
		}
		w.sim.Advance(w.now)
	}
	w.t.Fatalf("time did not reach %v: something is due again and again", end)
}

func (w *world) job(id string) types.JobDetail {
	w.t.Helper()
	out, err := w.DescribeJobs(w.t.Context(), &awsbatch.DescribeJobsInput{Jobs: []string{id}})
	w.must(err)
	if len(out.Jobs) != 1 {
		w.t.Fatalf("DescribeJobs(%s) has %d jobs, want 1", id, len(out.Jobs))
	}
	return out.Jobs[0]
}

// wants checks the status of jobs.
func (w *world) wants(status types.JobStatus, ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		if j := w.job(id); j.Status != status {
			w.t.Errorf("job %s is %s (%s), want %s", id, j.Status, text(j.StatusReason), status)
		}
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// hosts counts the hosts of an environment.
func (w *world) hosts(env string) int {
	w.t.Helper()
	hosts, err := w.Records.Hosts(w.t.Context(), env)
	w.must(err)
	return len(hosts)
}

// check holds the world to what must be true at any moment.
func (w *world) check() {
	w.t.Helper()
	if err := w.sim.Ledger().Check(); err != nil {
		w.t.Error(err)
	}
}
