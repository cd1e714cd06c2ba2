package engine_test

import (
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// minute is a simulation in which each task runs for a minute.
var minute = sim.Config{RunTime: func(compute.Task) time.Duration { return time.Minute }}

func TestAJobRunsAndItsHostGoes(t *testing.T) {
	w := newWorld(t, minute, nil)
	id := w.submit()
	w.advance(time.Second)
	w.wants(types.JobStatusRunning, id)
	w.advance(2 * time.Minute)
	j := w.job(id)
	if j.Status != types.JobStatusSucceeded || *j.StoppedAt-*j.StartedAt != 60_000 ||
		text(j.StatusReason) != "Essential container in task exited" || len(j.Attempts) != 1 || *j.Container.ExitCode != 0 {
		t.Errorf("job = %+v, want one good attempt of a minute", j)
	}
	if got := w.hosts("ce"); got != 1 {
		t.Errorf("%d hosts within the idle window, want 1", got)
	}
	w.advance(5 * time.Minute)
	if got := w.hosts("ce"); got != 0 {
		t.Errorf("%d hosts after the idle window, want none", got)
	}
	w.check()
}

func TestAnArrayRunsAllItsChildren(t *testing.T) {
	w := newWorld(t, minute, nil)
	id := w.submit(array(100))
	w.advance(time.Second)
	w.wants(types.JobStatusPending, id)
	w.wants(types.JobStatusRunning, id+":0", id+":15")
	w.wants(types.JobStatusRunnable, id+":16", id+":99")
	w.advance(10 * time.Minute)
	j := w.job(id)
	if j.Status != types.JobStatusSucceeded || j.ArrayProperties.StatusSummary["SUCCEEDED"] != 100 {
		t.Errorf("array is %s with %v, want SUCCEEDED with 100", j.Status, j.ArrayProperties.StatusSummary)
	}
	w.wants(types.JobStatusSucceeded, id+":0", id+":99")
	w.check()
}

func TestDependenciesOrderJobs(t *testing.T) {
	w := newWorld(t, minute, nil)
	first := w.submit()
	second := w.submit(after("", first))
	third := w.submit(after("", first, second))
	w.advance(time.Second)
	w.wants(types.JobStatusPending, second, third)
	if reason := text(w.job(third).StatusReason); !strings.Contains(reason, "2 of 2") {
		t.Errorf("third waits because %q, want a count of 2 of 2", reason)
	}
	w.advance(time.Minute)
	w.wants(types.JobStatusSucceeded, first)
	w.wants(types.JobStatusRunning, second)
	w.advance(3 * time.Minute)
	w.wants(types.JobStatusSucceeded, second, third)
	late := w.submit(after("", first))
	w.advance(2 * time.Minute)
	w.wants(types.JobStatusSucceeded, late)
}

func TestASequentialDependencyOnAJobIsAPlainOne(t *testing.T) {
	w := newWorld(t, sim.Config{}, nil)
	first := w.submit()
	second := w.submit(after(types.ArrayJobDependencySequential, first))
	third := w.submit(array(2), after(types.ArrayJobDependencySequential, second, ""))
	w.wants(types.JobStatusPending, second, third)
	w.advance(time.Hour)
	w.wants(types.JobStatusSucceeded, first, second, third)
	if a, b := w.job(third+":0"), w.job(third+":1"); *a.StartedAt < *w.job(second).StoppedAt || *b.StartedAt < *a.StoppedAt {
		t.Errorf("third:0 started at %d, second stopped at %d; third:1 started at %d, third:0 stopped at %d",
			*a.StartedAt, *w.job(second).StoppedAt, *b.StartedAt, *a.StoppedAt)
	}
}

func TestAFailedDependencyFailsWhatWaits(t *testing.T) {
	w := newWorld(t, sim.Config{Outcome: func(compute.Task) sim.Outcome { return sim.Outcome{Exit: 3} }}, nil)
	first := w.submit()
	second := w.submit(after("", first))
	whole := w.submit(after("", second), array(10))
	w.advance(time.Minute)
	w.wants(types.JobStatusFailed, first, second, whole, whole+":4")
	for _, id := range []string{second, whole, whole + ":4"} {
		if j := w.job(id); !strings.Contains(text(j.StatusReason), "Dependent Job failed") || j.StoppedAt == nil && id != whole+":4" {
			t.Errorf("%s failed because %q at %v, want a failed dependency", id, text(j.StatusReason), j.StoppedAt)
		}
	}
}

func TestSequentialChildrenRunOneAfterTheOther(t *testing.T) {
	w := newWorld(t, minute, nil)
	id := w.submit(array(4), after(types.ArrayJobDependencySequential, ""))
	for i := range 4 {
		w.advance(30 * time.Second)
		summary := w.job(id).ArrayProperties.StatusSummary
		if summary["RUNNING"] != 1 || int(summary["SUCCEEDED"]) != i {
			t.Errorf("after %d children: %v, want 1 running and %d succeeded", i, summary, i)
		}
		w.advance(30 * time.Second)
	}
	w.advance(time.Minute)
	w.wants(types.JobStatusSucceeded, id)
}

func TestNToNChildrenFollowTheirCounterparts(t *testing.T) {
	cfg := sim.Config{
		RunTime: func(task compute.Task) time.Duration {
			if strings.HasSuffix(task.JobID, ":2") {
				return 5 * time.Minute
			}
			return time.Minute
		},
		Outcome: func(task compute.Task) sim.Outcome {
			if strings.HasSuffix(task.JobID, ":1") {
				return sim.Outcome{Exit: 1}
			}
			return sim.Outcome{}
		},
	}
	w := newWorld(t, cfg, nil)
	a := w.submit(array(3))
	b := w.submit(array(3), after(types.ArrayJobDependencyNToN, a))
	w.advance(90 * time.Second)
	w.wants(types.JobStatusRunning, b+":0")
	w.wants(types.JobStatusFailed, b+":1")
	w.wants(types.JobStatusPending, b+":2")
	w.advance(time.Hour)
	w.wants(types.JobStatusFailed, a, b)
	w.wants(types.JobStatusSucceeded, b+":0", b+":2")
}

func TestARetryRunsAgainAndShowsWhy(t *testing.T) {
	cfg := sim.Config{Outcome: func(task compute.Task) sim.Outcome {
		if task.Attempt < 3 {
			return sim.Outcome{Exit: 7}
		}
		return sim.Outcome{}
	}}
	w := newWorld(t, cfg, nil)
	id := w.submit(func(in *awsbatch.SubmitJobInput) {
		in.RetryStrategy = &types.RetryStrategy{Attempts: ptr(int32(3))}
	})
	w.advance(time.Minute)
	j := w.job(id)
	if j.Status != types.JobStatusSucceeded || len(j.Attempts) != 3 {
		t.Fatalf("job is %s after %d attempts, want SUCCEEDED after 3", j.Status, len(j.Attempts))
	}
	if got := *j.Attempts[0].Container.ExitCode; got != 7 {
		t.Errorf("the first attempt's exit code is %d, want 7", got)
	}
	w.check()
}

func TestATimeoutEndsTheAttempt(t *testing.T) {
	w := newWorld(t, sim.Config{RunTime: func(compute.Task) time.Duration { return sim.UntilStopped }}, nil)
	id := w.submit(func(in *awsbatch.SubmitJobInput) {
		in.Timeout = &types.JobTimeout{AttemptDurationSeconds: ptr(int32(60))}
		in.RetryStrategy = &types.RetryStrategy{Attempts: ptr(int32(3))}
	})
	w.advance(59 * time.Second)
	w.wants(types.JobStatusRunning, id)
	w.advance(5 * time.Second)
	j := w.job(id)
	if j.Status != types.JobStatusFailed || text(j.StatusReason) != "Job attempt duration exceeded timeout" || len(j.Attempts) != 1 {
		t.Errorf("job is %s (%s) after %d attempts, want a timeout without retry", j.Status, text(j.StatusReason), len(j.Attempts))
	}
}

func TestTerminateStopsWhatRunsAndCancelDoesNot(t *testing.T) {
	w := newWorld(t, minute, nil)
	running := w.submit(array(20))
	w.advance(time.Second)
	_, err := w.CancelJob(t.Context(), &awsbatch.CancelJobInput{JobId: ptr(running + ":0"), Reason: ptr("no")})
	w.must(err)
	w.wants(types.JobStatusRunning, running+":0")
	_, err = w.TerminateJob(t.Context(), &awsbatch.TerminateJobInput{JobId: &running, Reason: ptr("enough")})
	w.must(err)
	w.advance(time.Second)
	w.wants(types.JobStatusFailed, running, running+":0", running+":19")
	if j := w.job(running + ":0"); text(j.StatusReason) != "enough" || !*j.IsTerminated {
		t.Errorf("child ended because %q, terminated %v, want the caller's reason", text(j.StatusReason), *j.IsTerminated)
	}
	if sum := w.job(running).ArrayProperties.StatusSummary; sum["FAILED"] != 20 {
		t.Errorf("summary %v, want 20 failed", sum)
	}
	w.check()
}

func TestACancelledChildDoesNotRun(t *testing.T) {
	w := newWorld(t, minute, nil)
	id := w.submit(array(40))
	w.advance(time.Second)
	_, err := w.CancelJob(t.Context(), &awsbatch.CancelJobInput{JobId: ptr(id + ":30"), Reason: ptr("skip it")})
	w.must(err)
	w.advance(time.Hour)
	w.wants(types.JobStatusFailed, id, id+":30")
	w.wants(types.JobStatusSucceeded, id+":29", id+":31", id+":39")
	w.check()
}

func TestAWaitingJobSaysWhatItWaitsFor(t *testing.T) {
	w := newWorld(t, minute, nil)
	tooBig := w.submit(func(in *awsbatch.SubmitJobInput) {
		in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: need("8", "1024")}
	})
	w.advance(time.Second)
	if reason := text(w.job(tooBig).StatusReason); !strings.HasPrefix(reason, "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - ") || !strings.Contains(reason, "8 vCPU") {
		t.Errorf("a job larger than every type waits because %q", reason)
	}
	w.submit(array(16))
	next := w.submit()
	w.advance(2 * time.Second)
	if reason := text(w.job(next).StatusReason); !strings.Contains(reason, "needs 1 vCPU, 1024 MiB") || !strings.Contains(reason, "16 of 16 maxvCpus") {
		t.Errorf("a job behind a full environment waits because %q, want numbers", reason)
	}
}

func TestAJobThatWaitsForManyNamesTheLast(t *testing.T) {
	w := newWorld(t, minute, nil)
	var many []string
	for range 48 {
		many = append(many, w.submit()) // 16 at a time
	}
	id := w.submit(after("", many...))
	w.advance(2*time.Minute + time.Second)
	got := text(w.job(id).StatusReason)
	want := "Waiting for 16 of 48 jobs that it depends on: " + many[32] + " (RUNNING), " + many[33] + " (RUNNING), " + many[34] + " (RUNNING) and 13 more."
	if got != want {
		t.Errorf("statusReason = %q, want %q", got, want)
	}
}

func TestTheSummaryOfAnArrayThatEndedRests(t *testing.T) {
	w := newWorld(t, minute, nil)
	id := w.submit(array(2))
	w.advance(2 * time.Minute)
	first := w.job(id)
	w.advance(time.Minute)
	if a, b := first.ArrayProperties.StatusSummaryLastUpdatedAt, w.job(id).ArrayProperties.StatusSummaryLastUpdatedAt; *a != *first.StoppedAt || *a != *b {
		t.Errorf("statusSummaryLastUpdatedAt = %d, a minute later %d; want both when it stopped, %d", *a, *b, *first.StoppedAt)
	}
}

func TestARestartLosesNothing(t *testing.T) {
	w := newWorld(t, minute, nil)
	ids := []string{w.submit(), w.submit(array(50)), w.submit()}
	for range 20 {
		w.advance(20 * time.Second)
		w.restart(w.Records.Table())
	}
	w.advance(time.Hour)
	w.wants(types.JobStatusSucceeded, ids...)
	w.check()
}
