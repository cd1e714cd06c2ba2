package cli

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) terminateCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "terminate JOB...",
		Aliases: []string{"stop", "kill"},
		Short:   "Stop jobs, whatever they are doing",
		Long: `Stop jobs: a running container gets SIGTERM and, 30 seconds later, SIGKILL. The
jobs become FAILED with the reason given, and are not retried. The command returns at
once; "wait" waits for the end.`,
		Args:              argsBetween(1, -1, "at least one job id, or - to read ids from standard input"),
		ValidArgsFunction: a.completion(a.completeJobs),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.stop(ctx, args, reason, "terminating", sparedByTerminate, func(c *client, id string) error {
				_, err := c.batch.TerminateJob(ctx, &batch.TerminateJobInput{JobId: aws.String(id), Reason: aws.String(reason)})
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "Terminated with packhorse terminate.", "why; it becomes the job's status reason")
	return cmd
}

func sparedByTerminate(s types.JobStatus) string {
	if ended(s) {
		return fmt.Sprintf("has ended already: %s", s)
	}
	return ""
}
