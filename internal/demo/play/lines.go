package play

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// line is how one job does, in words.
type line struct {
	name   string
	status types.JobStatus
	detail string
	took   time.Duration // from its submission to its end or to now
}

// lines says how the jobs of a run do.
func (s state) lines(now time.Time) []line {
	details := []string{s.counting(), s.merging(), s.retrying()}
	out := make([]line, len(details))
	for i, j := range s.jobs() {
		out[i] = line{name: aws.ToString(j.JobName), status: j.Status, detail: details[i]}
		until := now
		if ended(j) && aws.ToInt64(j.StoppedAt) > 0 {
			until = time.UnixMilli(*j.StoppedAt)
		}
		if aws.ToInt64(j.CreatedAt) > 0 {
			out[i].took = max(0, until.Sub(time.UnixMilli(*j.CreatedAt)))
		}
	}
	return out
}

// statuses are the states of a job, in the order in which children are counted.
var statuses = []types.JobStatus{
	types.JobStatusSucceeded, types.JobStatusFailed, types.JobStatusRunning, types.JobStatusStarting,
	types.JobStatusRunnable, types.JobStatusPending, types.JobStatusSubmitted,
}

// barWidth is how many characters the array's bar has.
const barWidth = 24

// counting is the array as a bar, its children by status, and why they wait if none of
// them runs.
func (s state) counting() string {
	counts := map[types.JobStatus]int{}
	for _, child := range s.children {
		counts[child.Status]++
	}
	done, all := counts[types.JobStatusSucceeded]+counts[types.JobStatusFailed], len(s.children)
	var parts []string
	for _, status := range statuses {
		if n := counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	filled := barWidth * done / all
	text := fmt.Sprintf("[%s%s] %d/%d: %s", strings.Repeat("#", filled), strings.Repeat("-", barWidth-filled), done, all, strings.Join(parts, ", "))
	if ended(s.count) || counts[types.JobStatusRunning]+counts[types.JobStatusStarting] > 0 {
		return text
	}
	for _, child := range s.children {
		if why := aws.ToString(child.StatusReason); child.Status == types.JobStatusRunnable && why != "" {
			return text + "; " + why
		}
	}
	return text
}

// merging says what the second job waits for.
func (s state) merging() string {
	if ended(s.merge) {
		return failure(s.merge)
	}
	if !ended(s.count) {
		return "waits for count to end"
	}
	return waiting(s.merge)
}

// retrying says what became of the third job's attempts.
func (s state) retrying() string {
	n := len(s.flaky.Attempts)
	if ended(s.flaky) {
		if s.flaky.Status == types.JobStatusSucceeded {
			return fmt.Sprintf("succeeded on attempt %d", n)
		}
		return failure(s.flaky)
	}
	if n == 0 {
		return waiting(s.flaky)
	}
	text := fmt.Sprintf("attempt %d ended with %s, is tried again", n, exitText(s.flaky.Attempts[n-1].Container))
	if why := waiting(s.flaky); why != "" {
		text += "; " + why
	}
	return text
}

// waiting is why a job does not run yet.
func waiting(j types.JobDetail) string {
	if j.Status == types.JobStatusRunning || j.Status == types.JobStatusStarting {
		return ""
	}
	return aws.ToString(j.StatusReason)
}

func exitText(c *types.AttemptContainerDetail) string {
	if c == nil || c.ExitCode == nil {
		return "no exit code"
	}
	return fmt.Sprintf("exit code %d", *c.ExitCode)
}

// failure is why a job FAILED; empty for one that did not.
func failure(j types.JobDetail) string {
	if j.Status != types.JobStatusFailed {
		return ""
	}
	why := aws.ToString(j.StatusReason)
	if j.Container != nil {
		if c := aws.ToString(j.Container.Reason); c != "" && c != why {
			why += " (" + c + ")"
		}
		if j.Container.ExitCode != nil {
			why += fmt.Sprintf(", exit code %d", *j.Container.ExitCode)
		}
	}
	return why
}
