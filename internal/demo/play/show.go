package play

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/internal/demo"
)

// FailedError is returned when jobs of the demo FAILED. Which and why was shown.
type FailedError struct {
	ID     string // of the first of them
	Name   string
	Reason string
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("job %s of the demo FAILED: %s", e.Name, e.Reason)
}

// Show shows a run to its end, and then its result. When ctx ends the jobs go on.
func (p *Player) Show(ctx context.Context, run Run) error {
	screen := &board{screen: p.Progress}
	s, err := p.follow(ctx, run, func(s state) { screen.show(s.lines(p.Now())) })
	if err != nil {
		return err
	}
	fmt.Fprintln(p.Progress)
	if err := p.failures(ctx, s); err != nil {
		return err
	}
	result, err := p.log(ctx, logGroup(s.merge), stream(s.merge))
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Out, "%s\n\n%s\n", strings.Join(result, "\n"), attempts(s.flaky))
	fmt.Fprintf(p.Out, "All of it took %.1f s, from the first submission to the last end.\n", s.took().Seconds())
	if p.Hints != nil {
		fmt.Fprintf(p.Out, "\n%s", p.Hints(run))
	}
	return nil
}

// took is the time from the submission of the first job to the end of the last.
func (s state) took() time.Duration {
	var from, to int64
	for _, j := range s.jobs() {
		if made := aws.ToInt64(j.CreatedAt); from == 0 || made < from {
			from = made
		}
		to = max(to, aws.ToInt64(j.StoppedAt))
	}
	return time.Duration(to-from) * time.Millisecond
}

// attempts tells the story of the job that is tried again.
func attempts(j types.JobDetail) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s failed and was tried again by its retry strategy:\n\n", aws.ToString(j.JobName))
	for i, a := range j.Attempts {
		why := aws.ToString(a.StatusReason)
		if a.Container != nil && aws.ToString(a.Container.Reason) != "" {
			why += " (" + *a.Container.Reason + ")"
		}
		took := time.Duration(aws.ToInt64(a.StoppedAt)-aws.ToInt64(a.StartedAt)) * time.Millisecond
		fmt.Fprintf(&b, "  attempt %d  %-12s  %5.2f s  %s\n", i+1, exitText(a.Container), took.Seconds(), why)
	}
	return b.String()
}

// tailLines is how many lines of a failed job's log are shown.
const tailLines = 10

// failures shows the jobs that FAILED, each with the end of its log, and returns the
// first of them as an error.
func (p *Player) failures(ctx context.Context, s state) error {
	var first error
	for _, j := range s.failed() {
		name := aws.ToString(j.JobName)
		if j.ArrayProperties != nil && j.ArrayProperties.Index != nil {
			name = fmt.Sprintf("%s:%d", name, *j.ArrayProperties.Index)
		}
		e := &FailedError{ID: aws.ToString(j.JobId), Name: name, Reason: failure(j)}
		if first == nil {
			first = e
		}
		fmt.Fprintf(p.Progress, "%s (%s) FAILED: %s\n", e.Name, e.ID, e.Reason)
		if err := p.tail(ctx, j); err != nil {
			return errors.Join(first, err)
		}
	}
	return first
}

// failed lists the jobs that FAILED. The first such child stands for its array: it has
// a log, and says why.
func (s state) failed() []types.JobDetail {
	failed := func(j types.JobDetail) bool { return j.Status == types.JobStatusFailed }
	var out []types.JobDetail
	if i := slices.IndexFunc(s.children, failed); i >= 0 {
		out = append(out, s.children[i])
	} else if failed(s.count) {
		out = append(out, s.count)
	}
	for _, j := range []types.JobDetail{s.merge, s.flaky} {
		if failed(j) {
			out = append(out, j)
		}
	}
	return out
}

// tail shows the end of the log of a job's last attempt.
func (p *Player) tail(ctx context.Context, j types.JobDetail) error {
	lines, err := p.log(ctx, logGroup(j), stream(j))
	if err != nil || len(lines) == 0 {
		return err
	}
	for _, text := range lines[max(0, len(lines)-tailLines):] {
		fmt.Fprintf(p.Progress, "    %s\n", text)
	}
	return nil
}

// Announce says what was submitted.
func (p *Player) Announce(run Run) {
	fmt.Fprintf(p.Progress, "The demo counts the identifiers in %s:\n", run.Source)
	fmt.Fprintf(p.Progress, "count is an array of %d jobs, merge adds up what they find, flaky fails once.\n\n", demo.Shards)
}
