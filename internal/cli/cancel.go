package cli

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) cancelCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "cancel JOB...",
		Short: "Cancel jobs that have not started",
		Long: `Cancel jobs that have not started yet: they become FAILED with the reason given.
A job that waits for others becomes so when they have ended.

A job that is STARTING or RUNNING is left alone, and the exit code is 1; "terminate"
stops those too. Of an array job, the children that have not started are cancelled.`,
		Example: `  packhorse cancel 3f2a8c1e --reason 'wrong input'
  packhorse jobs -q --status RUNNABLE | packhorse cancel -`,
		Args:              argsBetween(1, -1, "at least one job id, or - to read ids from standard input"),
		ValidArgsFunction: a.completion(a.completeJobs),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.stop(ctx, args, reason, "cancelled", sparedByCancel, func(c *client, id string) error {
				_, err := c.batch.CancelJob(ctx, &batch.CancelJobInput{JobId: aws.String(id), Reason: aws.String(reason)})
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "Cancelled with packhorse cancel.", "why; it becomes the job's status reason")
	return cmd
}

// sparedByCancel says why cancelling does nothing to a job in status s. The service
// accepts the request all the same.
func sparedByCancel(s types.JobStatus) string {
	switch {
	case ended(s):
		return fmt.Sprintf("has ended already: %s", s)
	case s == types.JobStatusStarting || s == types.JobStatusRunning:
		return fmt.Sprintf("is %s, which cancel does not stop; use terminate", s)
	}
	return ""
}
