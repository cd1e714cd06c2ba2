//go:build unix

package laptop

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
)

// audit compares what the server tells, at the end, with the ledger and with what was
// ordered. It waits for the end of all jobs.
func (l *load) audit() {
	l.Helper()
	for _, fault := range l.faults {
		l.Error(fault)
	}
	parents := l.allEnd()
	l.nothingChangedAfterTheEnd(parents)
	l.nothingTwice(parents)
	jobs := map[string]types.JobDetail{}
	var children []string
	for _, w := range l.orders {
		jobs[w.id] = parents[w.id]
		for i := range w.size {
			children = append(children, child(w.id, i))
		}
	}
	for id, j := range l.describe(children...) {
		jobs[id] = j
	}
	started := attempts(l.T, readLedger(l.T, l.ledger))
	a := audit{load: l, jobs: jobs, started: started}
	starts := 0
	for _, w := range l.orders {
		a.order(w)
	}
	for id, all := range started {
		starts += len(all)
		if _, known := jobs[id]; !known {
			l.Errorf("job %s started and nobody ordered it", id)
		}
	}
	l.Logf("%d submissions, %d jobs, %d attempts started, %d streams of %d lines read",
		len(l.orders), len(jobs), starts, a.streams, a.lines)
}

func child(id string, index int) string { return fmt.Sprint(id, ":", index) }

// allEnd waits until every job that was acknowledged has ended.
func (l *load) allEnd() map[string]types.JobDetail {
	l.Helper()
	var left []string
	for deadline := time.Now().Add(2 * patience); ; time.Sleep(10 * pause) {
		l.watch()
		l.mu.Lock()
		left = left[:0]
		for id, j := range l.alive {
			left = append(left, fmt.Sprintf("%s is %s: %s", id, j.Status, aws.ToString(j.StatusReason)))
		}
		l.mu.Unlock()
		if len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	slices.Sort(left)
	for _, job := range left {
		l.Errorf("a job never ends: %s", job)
	}
	var ids []string
	for _, w := range l.orders {
		ids = append(ids, w.id)
	}
	return l.describe(ids...)
}

// nothingChangedAfterTheEnd compares jobs with what was told when they were first
// seen at their end.
func (l *load) nothingChangedAfterTheEnd(now map[string]types.JobDetail) {
	l.Helper()
	for id, before := range l.ended {
		if diff := cmp.Diff(before, now[id], besidesTheMoment); diff != "" {
			l.Errorf("job %s changed after its end (-then +now):\n%s", id, diff)
		}
	}
}

// besidesTheMoment compares answers by what does not depend on when they were given.
var besidesTheMoment = cmp.FilterPath(func(p cmp.Path) bool {
	switch p.Last().String() {
	case ".noSmithyDocumentSerde", // unexported, in all structs of the SDK
		".StatusSummaryLastUpdatedAt": // the time of the answer
		return true
	}
	return false
}, cmp.Ignore())

// nothingTwice finds jobs that no acknowledged submission made: a call that the SDK
// repeats makes one job.
func (l *load) nothingTwice(ordered map[string]types.JobDetail) {
	l.Helper()
	listed := 0
	for _, queue := range l.queues {
		for _, status := range []types.JobStatus{types.JobStatusSucceeded, types.JobStatusFailed} {
			for _, j := range l.listed(queue, status) {
				listed++
				if _, known := ordered[*j.JobId]; !known {
					l.Errorf("ListJobs tells of job %s (%s), which no answer told of: a submission was served twice", *j.JobId, *j.JobName)
				}
			}
		}
	}
	if listed != len(ordered) {
		l.Errorf("ListJobs tells of %d jobs, %d were acknowledged", listed, len(ordered))
	}
}

// listed returns the jobs of a queue in a status.
func (s *server) listed(queue string, status types.JobStatus) []types.JobSummary {
	s.Helper()
	var all []types.JobSummary
	pages := batch.NewListJobsPaginator(s.batch(), &batch.ListJobsInput{JobQueue: &queue, JobStatus: status})
	for pages.HasMorePages() {
		page, err := pages.NextPage(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, page.JobSummaryList...)
	}
	return all
}

// audit is the look at single jobs.
type audit struct {
	*load
	jobs           map[string]types.JobDetail
	started        map[string][]attempt
	streams, lines int
}

// order checks one submission.
func (a *audit) order(w *wanted) {
	a.Helper()
	if w.size == 0 {
		a.job(w, w.id, w.exits)
		for _, before := range w.after {
			a.inOrder(before, w.id)
		}
		return
	}
	failed := 0
	for i := range w.size {
		exits := []int32{0}
		if i == w.index {
			exits = w.exits
		}
		if exits[len(exits)-1] != 0 {
			failed++
		}
		a.job(w, child(w.id, i), exits)
		if w.sequential && i > 0 {
			a.inOrder(child(w.id, i-1), child(w.id, i))
		}
		if w.nToN != "" {
			a.inOrder(child(w.nToN, i), child(w.id, i))
		}
	}
	parent := a.jobs[w.id]
	want := types.JobStatusSucceeded
	if failed > 0 {
		want = types.JobStatusFailed
	}
	if parent.Status != want {
		a.Errorf("%s %s is %s (%s), want %s", w.kind, w.id, parent.Status, aws.ToString(parent.StatusReason), want)
	}
	if parent.ArrayProperties == nil {
		a.Errorf("%s %s has no arrayProperties", w.kind, w.id)
		return
	}
	got := parent.ArrayProperties.StatusSummary
	if int(got["FAILED"]) != failed || int(got["SUCCEEDED"]) != w.size-failed {
		a.Errorf("%s %s counts %v, want %d FAILED and %d SUCCEEDED", w.kind, w.id, got, failed, w.size-failed)
	}
}

// job checks a plain job or a child: the attempts that the server tells are those that
// the ledger saw, each with its exit code and its log, and no more than were wanted.
func (a *audit) job(w *wanted, id string, exits []int32) {
	a.Helper()
	j, saw := a.jobs[id], a.started[id]
	if w.terminated != "" || w.never != "" {
		a.stopped(w, j, saw)
		return
	}
	want := types.JobStatusSucceeded
	if exits[len(exits)-1] != 0 {
		want = types.JobStatusFailed
	}
	if j.Status != want || len(j.Attempts) != len(exits) || len(saw) != len(exits) {
		a.Errorf("%s %s is %s (%s) after %d attempts, of which %d started; want %s after exit codes %v",
			w.kind, id, j.Status, aws.ToString(j.StatusReason), len(j.Attempts), len(saw), want, exits)
		for n, attempt := range saw {
			a.Logf("  the ledger has attempt %d: start %+v, end %+v", n+1, attempt.start, attempt.end)
		}
		for n, attempt := range j.Attempts {
			a.Logf("  attempt %d: %s (%s)", n+1, aws.ToString(attempt.StatusReason), aws.ToString(attempt.Container.Reason))
		}
		return
	}
	for i, exit := range exits {
		a.attempt(w, id, i+1, exit, j.Attempts[i], saw[i])
		if i > 0 && aws.ToInt64(j.Attempts[i].StartedAt) < aws.ToInt64(j.Attempts[i-1].StoppedAt) {
			a.Errorf("%s %s: attempt %d began before attempt %d was over", w.kind, id, i+1, i)
		}
	}
}

// attempt checks one attempt.
func (a *audit) attempt(w *wanted, id string, number int, exit int32, told types.AttemptDetail, saw attempt) {
	a.Helper()
	name := fmt.Sprintf("attempt %d of %s %s", number, w.kind, id)
	if saw.number != number || saw.end == nil || saw.end.number != int(exit) {
		a.Errorf("%s: the ledger has attempt %d, end %+v", name, saw.number, saw.end)
	}
	if told.StartedAt == nil || told.StoppedAt == nil || *told.StartedAt > *told.StoppedAt {
		a.Errorf("%s ran from %v to %v", name, told.StartedAt, told.StoppedAt)
	}
	if got := aws.ToString(told.StatusReason); got != "Essential container in task exited" {
		a.Errorf("%s has statusReason %q", name, got)
	}
	if told.Container == nil || told.Container.ExitCode == nil || *told.Container.ExitCode != exit {
		a.Errorf("%s: container = %+v, want exit code %d", name, told.Container, exit)
		return
	}
	got := a.load.lines("/aws/batch/job", *told.Container.LogStreamName)
	a.streams, a.lines = a.streams+1, a.lines+len(got)
	if diff := cmp.Diff(wantLines(w.lines, number), got); diff != "" {
		a.Errorf("log of %s (-want +got):\n%s", name, diff)
	}
}

// stopped checks a job that was terminated, or that never could start.
func (a *audit) stopped(w *wanted, j types.JobDetail, saw []attempt) {
	a.Helper()
	most, reason := 0, w.never
	if w.terminated != "" {
		most, reason = 1, w.terminated
	}
	if j.Status != types.JobStatusFailed || aws.ToString(j.StatusReason) != reason || len(saw) > most || len(j.Attempts) > most {
		a.Errorf("%s %s is %s (%q) after %d attempts, of which %d started; want FAILED (%q) after at most %d",
			w.kind, w.id, j.Status, aws.ToString(j.StatusReason), len(j.Attempts), len(saw), reason, most)
	}
}

// inOrder checks that a job started only when another had ended.
func (a *audit) inOrder(before, after string) {
	a.Helper()
	first, then := a.started[before], a.started[after]
	if len(first) == 0 || len(then) == 0 {
		return // found missing elsewhere
	}
	if end := first[len(first)-1].end; end == nil || end.line > then[0].start.line {
		a.Errorf("job %s started before %s, which it depends on, had ended", after, before)
	}
}

// nothingLeft checks that the server has cleaned up behind all jobs.
func (s *server) nothingLeft() {
	s.Helper()
	until(s.T, "the last supervisor to end", func() bool { return len(supervisors(s.data)) == 0 })
}
