package cli

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
)

func TestExplainAJobThatWaits(t *testing.T) {
	w, ids := aDay(t)
	w.server.Environment("high-env").ComputeResources.DesiredvCpus = aws.Int32(16)
	first := w.server.Submit("in-front", "high", "align")
	w.put(first, types.JobStatusRunnable)
	golden(t, "explain-waiting", w.ok("explain", ids["waiting"]))
	golden(t, "explain-json", w.ok("explain", ids["waiting"], "-o", "json"))
	w.server.Missing = []string{"getjobqueuesnapshot"}
	if got := w.ok("explain", first); strings.Contains(got, "in line") {
		t.Errorf("a place in line without a snapshot:\n%s", got)
	}
}

func TestExplainAJobThatFailed(t *testing.T) {
	w, id := retried(t)
	golden(t, "explain-failed", w.ok("explain", id))
}

func TestExplainAnArrayThatFailed(t *testing.T) {
	w, ids := aDay(t)
	w.put(ids["many"], types.JobStatusFailed, reason("Array Child Job failed"))
	golden(t, "explain-array", w.ok("explain", ids["many"]))
}

func TestExplainAChainOfDependencies(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	a := w.server.Submit("first", "high", "align")
	b := w.server.Submit("second", "high", "align")
	c := w.server.Submit("third", "high", "align", func(in *batch.SubmitJobInput) {
		in.DependsOn = []types.JobDependency{{JobId: &a}, {JobId: &b}, {JobId: aws.String("purged")}}
	})
	w.put(a, types.JobStatusFailed, exited(1))
	w.put(b, types.JobStatusRunning)
	w.put(c, types.JobStatusPending)
	golden(t, "explain-dependencies", w.ok("explain", c))
}

func TestDiagnose(t *testing.T) {
	environment := func(name string, change func(*types.ComputeEnvironmentDetail)) types.ComputeEnvironmentDetail {
		e := types.ComputeEnvironmentDetail{
			ComputeEnvironmentName: &name, State: types.CEStateEnabled, Status: types.CEStatusValid,
			ComputeResources: &types.ComputeResource{Type: types.CRTypeEc2, MaxvCpus: aws.Int32(16), DesiredvCpus: aws.Int32(4)},
		}
		if change != nil {
			change(&e)
		}
		return e
	}
	job := func(status types.JobStatus, changes ...func(*types.JobDetail)) types.JobDetail {
		j := types.JobDetail{
			JobId: aws.String("j1"), JobName: aws.String("align"), Status: status, CreatedAt: aws.Int64(start.UnixMilli()),
			Container: &types.ContainerDetail{ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String("8")}, {Type: types.ResourceTypeMemory, Value: aws.String("2048")},
			}},
		}
		for _, c := range changes {
			c(&j)
		}
		return j
	}
	why := func(text string) func(*types.JobDetail) {
		return func(j *types.JobDetail) { j.Container.Reason = &text }
	}
	tests := map[string]struct {
		s    situation
		want diagnosis
	}{
		"nothing is known to be wrong": {
			situation{job: job(types.JobStatusRunnable), environments: []types.ComputeEnvironmentDetail{environment("e", nil)}},
			diagnosis{
				why:  []string{"It waits for a host, and nothing that can be seen from here is in its way."},
				next: []string{"look again in a minute; where hosts have to boot, that can take some"},
			},
		},
		"no environment is usable": {
			situation{job: job(types.JobStatusRunnable), environments: []types.ComputeEnvironmentDetail{
				environment("off", func(e *types.ComputeEnvironmentDetail) { e.State = types.CEStateDisabled }),
				environment("bad", func(e *types.ComputeEnvironmentDetail) {
					e.Status, e.StatusReason = types.CEStatusInvalid, aws.String("CLIENT_ERROR - Not authorized")
				}),
			}},
			diagnosis{
				why:  []string{"The environment off is DISABLED: it takes no jobs.", "The environment bad is INVALID: CLIENT_ERROR - Not authorized"},
				next: []string{"enable or repair an environment of the queue: `packhorse environments` shows them"},
			},
		},
		"the job is larger than any environment may be": {
			situation{job: job(types.JobStatusRunnable), environments: []types.ComputeEnvironmentDetail{
				environment("small", func(e *types.ComputeEnvironmentDetail) { e.ComputeResources.MaxvCpus = aws.Int32(6) }),
			}},
			diagnosis{
				why:  []string{"It needs 8 vCPUs, and the largest environment of the queue may have 6."},
				next: []string{"raise maxvCpus of an environment, or submit the job with fewer vCPUs"},
			},
		},
		"a reason of the service": {
			situation{job: job(types.JobStatusRunnable, reason("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU requirement of the job."))},
			diagnosis{
				why: []string{
					"The server says: MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU requirement of the job.",
					"The job needs more vCPUs than maxvCpus of any environment of the queue.",
				},
				next: []string{"raise maxvCpus of an environment, or submit the job with fewer vCPUs"},
			},
		},
		"it times out soon": {
			situation{now: start.Add(50e9), job: job(types.JobStatusRunning, func(j *types.JobDetail) {
				j.StartedAt = aws.Int64(start.UnixMilli())
				j.Timeout = &types.JobTimeout{AttemptDurationSeconds: aws.Int32(60)}
			})},
			diagnosis{
				why:  []string{"Its container has run for 50s.", "Its timeout ends it in 10s."},
				next: []string{"`packhorse logs -f j1` shows what it prints"},
			},
		},
		"terminated": {
			situation{job: job(types.JobStatusFailed, reason("wrong input"), func(j *types.JobDetail) { j.IsTerminated = aws.Bool(true) })},
			diagnosis{
				why:  []string{"It was terminated on request: wrong input"},
				next: []string{"`packhorse describe j1` shows all that is known about it"},
			},
		},
		"timed out": {
			situation{job: job(types.JobStatusFailed, exited(137), reason("Job attempt duration exceeded timeout"), stream("s"), func(j *types.JobDetail) {
				j.Timeout = &types.JobTimeout{AttemptDurationSeconds: aws.Int32(60)}
			})},
			diagnosis{
				why:  []string{"It ran longer than its timeout of 1m, and was stopped. Jobs that time out are not retried."},
				next: []string{"submit it with a longer --timeout", "`packhorse logs j1` shows what it printed"},
			},
		},
		"the host was lost": {
			situation{job: job(types.JobStatusFailed, reason("Host EC2 (instance i-1) terminated."))},
			diagnosis{
				why:  []string{"The host under it went away: Host EC2 (instance i-1) terminated."},
				next: []string{`let such jobs start again: --retries 2, or a retry rule RETRY on onStatusReason "Host EC2*"`},
			},
		},
		"the image is not there": {
			situation{job: job(types.JobStatusFailed, reason("Task failed to start"), why("CannotPullContainerError: pull access denied for nope"))},
			diagnosis{
				why:  []string{"Its image could not be pulled: CannotPullContainerError: pull access denied for nope"},
				next: []string{"check the name of the image, and that the host may pull it"},
			},
		},
		"the container did not start": {
			situation{job: job(types.JobStatusFailed, reason("Task failed to start"), why("DockerTimeoutError: Could not transition to created"))},
			diagnosis{
				why:  []string{"Its container could not be started: DockerTimeoutError: Could not transition to created"},
				next: []string{"check the command, the mounts and the image of its definition: `packhorse describe j1`"},
			},
		},
		"the command is not in the image": {
			situation{job: job(types.JobStatusFailed, exited(127), stream("s"))},
			diagnosis{
				why:  []string{"Its program ended with exit code 127: there is no such command in the image."},
				next: []string{"`packhorse logs j1` shows what it printed"},
			},
		},
		"nobody says why": {
			situation{job: job(types.JobStatusFailed)},
			diagnosis{
				why:  []string{"The server gives no reason."},
				next: []string{"`packhorse describe j1` shows all that is known about it"},
			},
		},
	}
	for name, tt := range tests {
		if tt.s.now.IsZero() {
			tt.s.now = start
		}
		if d := cmp.Diff(tt.want, diagnose(tt.s), cmp.AllowUnexported(diagnosis{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}
