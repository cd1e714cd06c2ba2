package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) waitCommand() *cobra.Command {
	var timeout time.Duration
	var status string
	cmd := &cobra.Command{
		Use:   "wait JOB...",
		Short: "Wait for jobs to end",
		Long: `Wait until all the jobs have ended, and print how each did. The exit code is 0 if
all SUCCEEDED, else 1.

With --for STATUS, wait until each job is in that status or beyond it. A job that ends
without having SUCCEEDED makes the exit code 1, unless FAILED is what is waited for.`,
		Example: `  packhorse wait $A $B --timeout 30m
  packhorse submit --definition align | packhorse wait -`,
		Args:              argsBetween(1, -1, "at least one job id, or - to read ids from standard input"),
		ValidArgsFunction: a.completion(a.completeJobs),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runWait(cmd.Context(), args, strings.ToUpper(status), timeout)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "give up after this long; 0 for never")
	cmd.Flags().StringVar(&status, "for", "", "the status to wait for (default: the end)")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions(words(statuses), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *App) runWait(ctx context.Context, refs []string, status string, timeout time.Duration) error {
	if status != "" && !slices.Contains(words(statuses), status) {
		return usage("there is no job status %s", quote(status)).hint("use one of: %s", strings.Join(words(statuses), ", "))
	}
	if err := notBelowZero("timeout", timeout); err != nil {
		return err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	open, err := a.jobIDs(ctx, c, refs)
	if err != nil {
		return err
	}
	deadline := a.Now().Add(timeout)
	patience := a.newPatience()
	failed := false
	for {
		found, err := c.jobsByID(ctx, open...)
		if err != nil {
			if err := patience.lost(err); err != nil {
				return err
			}
		} else {
			patience.found()
			var still []string
			for _, id := range open {
				j, ok := found[id]
				if !ok {
					return jobNotFound(id)
				}
				done, good := waited(j.Status, types.JobStatus(status))
				if !done {
					still = append(still, id)
					continue
				}
				failed = failed || !good
				line := fmt.Sprintf("%s  %s  %s", id, aws.ToString(j.JobName), a.Out.state(string(j.Status)))
				if reason := failureReason(j); j.Status == types.JobStatusFailed && reason != "" {
					line += "  " + oneLine(reason)
				}
				fmt.Fprintln(a.Out, line)
			}
			open = still
		}
		switch {
		case len(open) == 0 && failed:
			return exit(ExitFailure)
		case len(open) == 0:
			return nil
		case timeout > 0 && !a.Now().Before(deadline):
			return failure("%s not there yet after %s: %s", plural(len(open), "job"), timeout, someOf(open)).
				hint("`packhorse explain %s` says what it waits for", open[0])
		}
		if err := a.Pause(ctx, c.poll()); err != nil {
			return err
		}
	}
}

// waited reports whether a job in status s has reached what was waited for, and whether
// that is good. want is empty for the end of the job. A job that ran is past RUNNABLE;
// one that FAILED has reached nothing but FAILED.
func waited(s, want types.JobStatus) (done, good bool) {
	switch {
	case want == "":
		return ended(s), s == types.JobStatusSucceeded
	case s == want:
		return true, true
	case ended(s):
		return true, s == types.JobStatusSucceeded && want != types.JobStatusFailed
	case ended(want):
		return false, false
	}
	return slices.Index(statuses, s) >= slices.Index(statuses, want), true
}
