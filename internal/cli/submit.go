package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) submitCommand() *cobra.Command {
	var f submitFlags
	var dryRun bool
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "submit [flags] [-- COMMAND...]",
		Short: "Submit a job and print its id",
		Long: `Submit a job and print its id.

The job is described by flags, by a file with the JSON that the AWS CLI takes, or
by both: then the flags win. The words after -- are the command.`,
		Example: `  packhorse submit --queue high --definition align --param sample=NA12878
  packhorse submit --image alpine --memory 512 -- sh -c 'echo hello'
  packhorse submit --definition call --array 8 --depends-on $ID:N_TO_N
  packhorse submit -f job.json --name again`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			in, err := f.request(a, cmd, args)
			if err != nil {
				return err
			}
			if dryRun {
				if f.image != "" {
					in.JobDefinition = aws.String(adhocName(f.image))
				}
				return printJSON(a.Out, in)
			}
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			out, err := a.submit(cmd.Context(), c, in, f.image)
			if err != nil {
				return err
			}
			if form == asJSON {
				return printJSON(a.Out, out)
			}
			fmt.Fprintln(a.Out, aws.ToString(out.JobId))
			return nil
		},
	}
	f.add(a, cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print the request as JSON, for --file, and submit nothing")
	output.add(cmd, asID, asJSON)
	return cmd
}

// submit completes the request, submits it and returns the answer. image, if any, is
// what to run instead of a definition.
func (a *App) submit(ctx context.Context, c *client, in *batch.SubmitJobInput, image string) (*batch.SubmitJobOutput, error) {
	if aws.ToString(in.JobDefinition) == "" && image == "" {
		return nil, usage("the job has no definition").hint("give --definition NAME, or --image IMAGE to run one without a definition")
	}
	if aws.ToString(in.JobQueue) == "" {
		queue, err := a.defaultQueue(ctx, c)
		if err != nil {
			return nil, err
		}
		in.JobQueue = aws.String(queue)
	}
	if image != "" {
		arn, err := c.adhocDefinition(ctx, image)
		if err != nil {
			return nil, err
		}
		in.JobDefinition = aws.String(arn)
	}
	if aws.ToString(in.JobName) == "" {
		name, _, _ := strings.Cut(shortName(aws.ToString(in.JobDefinition)), ":")
		if image != "" {
			name = asName(image)
		}
		in.JobName = aws.String(name)
	}
	out, err := c.batch.SubmitJob(ctx, in)
	if err != nil {
		return nil, a.submitHelp(ctx, c, in, err)
	}
	return out, nil
}

// defaultQueue is the queue of a job that names none: PACKHORSE_QUEUE, else the only
// queue that takes jobs, else the one called "default".
func (a *App) defaultQueue(ctx context.Context, c *client) (string, error) {
	if name := a.Env("PACKHORSE_QUEUE"); name != "" {
		return name, nil
	}
	all, err := c.queues(ctx)
	if err != nil {
		return "", err
	}
	var names []string
	for _, q := range all {
		if q.State == types.JQStateEnabled {
			names = append(names, aws.ToString(q.JobQueueName))
		}
	}
	switch {
	case len(names) == 1:
		return names[0], nil
	case slices.Contains(names, "default"):
		return "default", nil
	case len(names) == 0:
		return "", &Error{Message: "there is no enabled job queue", Next: "make one with `packhorse apply -f FILE`"}
	}
	return "", usage("which queue?").hint("give --queue or set PACKHORSE_QUEUE: %s", someOf(names))
}
