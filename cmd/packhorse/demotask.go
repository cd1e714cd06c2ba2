package main

import (
	"errors"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/internal/cli"
	"github.com/packhorse-batch/packhorse/internal/demo"
)

// demoTaskCommand is what the demo's jobs run. People do not: it is not shown.
func demoTaskCommand() *cobra.Command {
	c := &cobra.Command{Use: demo.TaskCommand, Short: "Run a task of the demo, in a job", Hidden: true, Args: cobra.NoArgs}
	c.AddCommand(countTask(), mergeTask(), flakyTask())
	return c
}

func countTask() *cobra.Command {
	task := demo.Count{Now: time.Now}
	c := &cobra.Command{
		Use: "count", Short: "Count the identifiers in the files of a shard", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return task.Run(cmd.Context(), cmd.OutOrStdout()) },
	}
	c.Flags().StringVar(&task.Source, "source", demo.BuiltIn, "source tree")
	resultsFlags(c, &task.Results)
	c.Flags().IntVar(&task.Shard, "shard", numberOf("AWS_BATCH_JOB_ARRAY_INDEX"), "which shard, from 0")
	c.Flags().IntVar(&task.Shards, "shards", 1, "how many shards there are")
	return c
}

func mergeTask() *cobra.Command {
	task := demo.Merge{Label: os.Getenv(demo.LabelVariable)}
	c := &cobra.Command{
		Use: "merge", Short: "Add up the counts of all shards", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return task.Run(cmd.OutOrStdout()) },
	}
	resultsFlags(c, &task.Results)
	c.Flags().IntVar(&task.Shards, "shards", 1, "how many shards there are")
	return c
}

func resultsFlags(c *cobra.Command, r *demo.Results) {
	c.Flags().StringVar(&r.Folder, "results", "", "folder that all tasks share")
	c.Flags().StringVar(&r.Run, "run", "", "name of the run")
}

func flakyTask() *cobra.Command {
	return &cobra.Command{
		Use: "flaky", Short: "Fail on the first attempt", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := demo.Flaky(numberOf("AWS_BATCH_JOB_ATTEMPT"), cmd.OutOrStdout())
			var temporary *demo.TemporaryError
			if errors.As(err, &temporary) {
				return &cli.Error{Message: err.Error(), Exit: demo.ExitTemporary, Err: err}
			}
			return err
		},
	}
}

// numberOf reads a number that AWS Batch gives its jobs; 0 without one.
func numberOf(variable string) int {
	n, _ := strconv.Atoi(os.Getenv(variable))
	return n
}
