package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// aDay is a world with two queues and a job of every sort, submitted over a day.
func aDay(t *testing.T) (w *world, ids map[string]string) {
	w = newWorld(t)
	w.server.Add("high", "align")
	w.server.Add("low", "call")
	ids = map[string]string{}
	submit := func(name, queue, definition string, ago time.Duration, changes ...func(*batch.SubmitJobInput)) {
		w.now = start.Add(-ago)
		ids[name] = w.server.Submit(name, queue, definition, changes...)
	}
	submit("old", "low", "call", 30*time.Hour)
	submit("old-waiting", "low", "call", 29*time.Hour)
	submit("done", "high", "align", 3*time.Hour)
	submit("broken", "low", "call", 2*time.Hour)
	submit("many", "high", "align", time.Hour, func(in *batch.SubmitJobInput) {
		in.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(4)}
	})
	submit("running", "high", "align", 20*time.Minute, func(in *batch.SubmitJobInput) { in.ShareIdentifier = aws.String("team") })
	submit("waiting", "high", "align", 90*time.Second)

	w.now = start.Add(-2 * time.Hour)
	w.put(ids["done"], types.JobStatusRunning)
	w.now = start.Add(-105 * time.Minute)
	w.put(ids["broken"], types.JobStatusRunning)
	w.now = start.Add(-100 * time.Minute)
	w.put(ids["done"], types.JobStatusSucceeded, exited(0))
	w.put(ids["broken"], types.JobStatusFailed, exited(137), func(j *types.JobDetail) {
		j.Container.Reason = aws.String("OutOfMemoryError: Container killed due to memory usage")
	})
	w.now = start.Add(-10 * time.Minute)
	w.put(ids["running"], types.JobStatusRunning)
	w.now = start
	w.put(ids["old"], types.JobStatusSucceeded)
	w.put(ids["old-waiting"], types.JobStatusRunnable)
	w.put(ids["many"], types.JobStatusPending)
	w.put(ids["many"]+":0", types.JobStatusSucceeded)
	w.put(ids["many"]+":1", types.JobStatusRunning)
	w.put(ids["many"]+":2", types.JobStatusFailed, exited(1))
	w.put(ids["waiting"], types.JobStatusRunnable, reason("waits for a host: it needs 64 GiB of memory, and the largest free host has 12 GiB"))
	return w, ids
}

func TestJobs(t *testing.T) {
	w, _ := aDay(t)
	golden(t, "jobs", w.ok("jobs"))
	golden(t, "jobs-wide", w.ok("jobs", "-o", "wide"))
	w.width = 100
	golden(t, "jobs-narrow", w.ok("jobs"))
}

func TestJobsFilters(t *testing.T) {
	w, ids := aDay(t)
	tests := map[string]struct {
		args []string
		want []string
	}{
		"nothing: active, or of the last day": {nil, []string{"waiting", "running", "many", "broken", "done", "old-waiting"}},
		"a queue":                             {[]string{"--queue", "low"}, []string{"broken", "old-waiting"}},
		"two queues":                          {[]string{"--queue", "low", "--queue", "high"}, []string{"waiting", "running", "many", "broken", "done", "old-waiting"}},
		"a status":                            {[]string{"--status", "runnable"}, []string{"waiting", "old-waiting"}},
		"all that ended":                      {[]string{"--status", "ended"}, []string{"broken", "done", "old"}},
		"a name":                              {[]string{"--name", "OLD*"}, []string{"old-waiting", "old"}},
		"a name and a status":                 {[]string{"--name", "old*", "--status", "succeeded"}, []string{"old"}},
		"a definition":                        {[]string{"--definition", "align"}, []string{"waiting", "running", "many", "done"}},
		"a revision that no job has":          {[]string{"--definition", "align:2"}, nil},
		"a share":                             {[]string{"--share", "team"}, []string{"running"}},
		"since":                               {[]string{"--since", "2h"}, []string{"waiting", "running", "many", "broken"}},
		"before":                              {[]string{"--before", "2026-05-01T08:00"}, []string{"done", "old-waiting", "old"}},
		"between":                             {[]string{"--since", "2d", "--before", "1d"}, []string{"old-waiting", "old"}},
		"a limit":                             {[]string{"--limit", "2"}, []string{"waiting", "running"}},
	}
	for name, tt := range tests {
		got := strings.Fields(w.ok(append([]string{"jobs", "-q"}, tt.args...)...))
		var want []string
		for _, n := range tt.want {
			want = append(want, ids[n])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestJobsOfAnArray(t *testing.T) {
	w, ids := aDay(t)
	golden(t, "jobs-array", w.ok("jobs", "--array", ids["many"]))
	same(t, "the failed ones", w.ok("jobs", "--array", "many", "--status", "failed", "-q"), ids["many"]+":2\n")
}

func TestJobsAsJSONHasTheShapeOfTheAWSCLI(t *testing.T) {
	w, _ := aDay(t)
	golden(t, "jobs-json", w.ok("jobs", "--status", "RUNNING", "-o", "json"))
	same(t, "nothing", w.ok("jobs", "--name", "nobody", "-o", "json"), "{\n    \"jobSummaryList\": []\n}\n")
}

func TestJobsSaysWhenThereIsMore(t *testing.T) {
	w, _ := aDay(t)
	w.server.PageSize = 1
	w.ok("jobs", "--limit", "3")
	same(t, "note", w.err.String(), "Only 3 jobs shown; --limit 0 shows all.\n")
	if got := strings.Count(w.ok("jobs", "--limit", "0"), "\n"); got != 7 {
		t.Errorf("%d lines, want the heading and 6 jobs", got)
	}
	w.ok("jobs", "--name", "nobody")
	same(t, "note", w.err.String(), "No jobs.\n")
}

func TestWatchPrintsTheTableAgainWhenItChanges(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	id := w.server.Submit("align", "high", "align")
	w.script = []func(){
		func() { w.now = start }, // nothing changes, the age included
		func() { w.put(id, types.JobStatusRunning) },
	}
	if code := w.run("jobs", "--watch", "--interval", "5s"); code != ExitFailure { // the script ends it
		t.Errorf("exit code %d", code)
	}
	golden(t, "jobs-watch", w.out.String())

	w.terminal = true
	w.run("jobs", "--watch")
	if got := strings.Count(w.out.String(), "\x1b[H"); got != 3 {
		t.Errorf("the terminal was redrawn %d times, want 3", got)
	}
}

func TestListJobsCallsFilterByOneThing(t *testing.T) {
	active := "SUBMITTED PENDING RUNNABLE STARTING RUNNING"
	tests := map[string]struct {
		q    jobQuery
		want string
	}{
		"nothing":             {jobQuery{}, active + " AFTER_CREATED_AT=1777543200000"},
		"statuses":            {jobQuery{Statuses: []types.JobStatus{"FAILED"}}, "FAILED"},
		"name before all":     {jobQuery{Name: "a*", Definition: "d", Statuses: []types.JobStatus{"FAILED"}}, "JOB_NAME=a*"},
		"a revision, by name": {jobQuery{Definition: "d:3"}, "JOB_DEFINITION=d"},
		"share and status":    {jobQuery{Share: "s", Statuses: []types.JobStatus{"FAILED"}}, "FAILED/SHARE_IDENTIFIER=s"},
		"since, inclusive":    {jobQuery{Since: start}, "AFTER_CREATED_AT=1777629599999"},
		"before":              {jobQuery{Before: start}, "BEFORE_CREATED_AT=1777629600000"},
		"an array":            {jobQuery{Array: "x", Name: "ignored"}, active + " SUCCEEDED FAILED"},
	}
	for name, tt := range tests {
		var got []string
		for _, in := range tt.q.calls("high", start) {
			parts := []string{}
			if in.JobStatus != "" {
				parts = append(parts, string(in.JobStatus))
			}
			for _, f := range in.Filters {
				parts = append(parts, fmt.Sprintf("%s=%s", *f.Name, strings.Join(f.Values, ",")))
			}
			got = append(got, strings.Join(parts, "/"))
		}
		same(t, name, strings.Join(got, " "), tt.want)
	}
}

func TestWatchKeepsToTheHeightOfTheScreen(t *testing.T) {
	for _, tt := range []struct {
		picture string
		height  int
		want    string
	}{
		{"1\n2\n3\n4\n5\n", 0, "1\n2\n3\n4\n5\n"},
		{"1\n2\n3\n4\n5\n", 6, "1\n2\n3\n4\n5\n"},
		{"1\n2\n3\n4\n5\n", 5, "1\n2\n3\n... and 2 lines more\n"},
	} {
		if got := fit(tt.picture, tt.height); got != tt.want {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.picture, tt.height, got, tt.want)
		}
	}
}
