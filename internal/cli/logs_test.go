package cli

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// twoAttempts is a job that ran twice and logged each time.
func twoAttempts(t *testing.T) (w *world, id string) {
	w = newWorld(t)
	w.server.Add("high", "align")
	id = w.server.Submit("align", "high", "align")
	w.server.Log("/lab/jobs", "s1", "one", "two")
	w.put(id, types.JobStatusRunning, stream("s1"), func(j *types.JobDetail) {
		j.Container.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "/lab/jobs"}}
	})
	w.put(id, types.JobStatusRunnable, attempt("Essential container in task exited", "", 1, w.now, w.now))
	w.put(id, types.JobStatusRunning, stream("s2"))
	w.now = w.now.Add(90e9)
	w.server.Log("/lab/jobs", "s2", "three", "four", "five")
	return w, id
}

func TestLogs(t *testing.T) {
	w, id := twoAttempts(t)
	tests := map[string]struct {
		args      []string
		out, errs string
	}{
		"the latest attempt":    {nil, "three\nfour\nfive\n", ""},
		"by the job's name":     {[]string{"align"}, "three\nfour\nfive\n", ""},
		"by the id's beginning": {[]string{id[:9]}, "three\nfour\nfive\n", ""},
		"by the id's end":       {[]string{id[20:]}, "three\nfour\nfive\n", ""},
		"an earlier attempt":    {[]string{id, "--attempt", "1"}, "one\ntwo\n", ""},
		"all of them":           {[]string{id, "--attempt", "all"}, "one\ntwo\nthree\nfour\nfive\n", "--- attempt 2 ---\n"},
		"the end of it":         {[]string{id, "--tail", "2"}, "four\nfive\n", ""},
		"the recent part":       {[]string{id, "--attempt", "all", "--since", "1m"}, "three\nfour\nfive\n", "--- attempt 2 ---\n"},
		"with times":            {[]string{id, "--tail", "1", "-t"}, "2026-05-01T10:01:30.000Z five\n", ""},
	}
	for name, tt := range tests {
		args := tt.args
		if args == nil {
			args = []string{id}
		}
		same(t, name, w.ok(append([]string{"logs"}, args...)...), tt.out)
		same(t, name+", standard error", w.err.String(), tt.errs)
	}
}

func TestLogsOfManyPages(t *testing.T) {
	w, id := twoAttempts(t)
	w.server.PageSize = 2
	same(t, "log", w.ok("logs", id), "three\nfour\nfive\n")
}

func TestLogsFollowsFromTheEndToTheEnd(t *testing.T) {
	w, id := twoAttempts(t)
	w.script = []func(){
		func() { w.server.Log("/lab/jobs", "s2", "six") },
		func() {},
		func() {
			w.server.Log("/lab/jobs", "s2", "seven")
			w.put(id, types.JobStatusSucceeded, exited(0))
		},
	}
	same(t, "log", w.ok("logs", "-f", id, "--tail", "1"), "five\nsix\nseven\n")
}

func TestLogsFollowWaitsForTheLogToBegin(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	id := w.server.Submit("align", "high", "align")
	w.script = []func(){
		func() { w.put(id, types.JobStatusRunnable, reason("the fleet is full")) },
		func() { w.put(id, types.JobStatusRunning, stream("s")) }, // which does not exist yet
		func() { w.server.Log(defaultGroup, "s", "hello"); w.put(id, types.JobStatusSucceeded, exited(0)) },
	}
	same(t, "log", w.ok("logs", "-f", id), "hello\n")
	same(t, "standard error", w.err.String(), "The job is SUBMITTED.\nThe job is RUNNABLE: the fleet is full\n")
	same(t, "the log of a job that waits", func() string {
		other := w.server.Submit("other", "high", "align")
		w.put(other, types.JobStatusRunnable, reason("the fleet is full"))
		w.ok("logs", other)
		return w.err.String()
	}(), "The job is RUNNABLE: the fleet is full\n")
}

func TestLogsOfSeveralContainersNameThem(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	id := w.server.Submit("align", "high", "align")
	w.put(id, types.JobStatusRunning, func(j *types.JobDetail) {
		j.Container = nil
		j.EcsProperties = &types.EcsPropertiesDetail{TaskProperties: []types.EcsTaskDetails{{Containers: []types.TaskContainerDetails{
			{Name: aws.String("proxy"), LogStreamName: aws.String("p")}, {Name: aws.String("main"), LogStreamName: aws.String("m")},
		}}}}
	})
	w.server.Log(defaultGroup, "p", "listening")
	w.server.Log(defaultGroup, "m", "working")
	same(t, "both", w.ok("logs", id), "proxy | listening\nmain | working\n")
	same(t, "one", w.ok("logs", id, "--container", "main"), "working\n")
	same(t, "none", w.fails(ExitUsage, "logs", id, "--container", "side"),
		"packhorse: job "+id+" has no container \"side\"\nnext: use one of: proxy, main\n")
}

func TestLogsSaysWhereTheLogIsWhenItIsNotHere(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	array := w.server.Submit("many", "high", "align", func(in *batch.SubmitJobInput) {
		in.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(3)}
	})
	if got := w.fails(1, "logs", array); !strings.Contains(got, "is an array of 3 jobs") || !strings.Contains(got, "`packhorse logs "+array+":0`") {
		t.Errorf("of an array: %s", got)
	}
	other := w.server.Submit("other", "high", "align")
	w.put(other, types.JobStatusRunning, func(j *types.JobDetail) {
		j.Container.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverSyslog}
	})
	same(t, "of another driver", w.fails(1, "logs", other), "packhorse: the log of job "+other+" goes to the log driver syslog, which cannot be read back\n")
	gone, id := twoAttempts(t)
	same(t, "of an attempt that was not", gone.fails(1, "logs", id, "--attempt", "3"), "packhorse: job "+id+" has had 2 attempts, not 3\n")
}
