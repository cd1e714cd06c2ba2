package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/internal/deploy"
)

func (a *App) destroyCommand() *cobra.Command {
	var f deploymentFlags
	var force, yes bool
	cmd := &cobra.Command{
		Use:   "destroy",
		Short: "Remove a deployment with all that it made",
		Long: `Remove a deployment from an AWS account: its stack with all records, the clusters,
launch templates and task definitions that it made, its access keys, its logs, and its
functions in the artifact bucket. Nothing is left behind, and nothing can be had back.

It refuses while hosts or tasks live; --force ends them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				if err := a.confirm(f.name); err != nil {
					return err
				}
			}
			return a.runDestroy(cmd.Context(), f, force)
		},
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "end hosts and tasks that live")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirm asks for the name of what will be gone.
func (a *App) confirm(name string) error {
	if !a.Err.Terminal {
		return usage("all records of the deployment %s will be gone", name).hint("say so with --yes")
	}
	fmt.Fprintf(a.Err, "All records of the deployment %s will be gone. Type its name to go on: ", a.Err.paint(bold, name))
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	if strings.TrimSpace(answer) != name {
		return &Error{Message: "nothing was destroyed", Err: err}
	}
	return nil
}

func (a *App) runDestroy(ctx context.Context, f deploymentFlags, force bool) error {
	account, err := a.account(ctx, f)
	if err != nil {
		return err
	}
	show, done := a.progress()
	err = a.untilInterrupted(ctx, func(ctx context.Context) error {
		return account.Destroy(ctx, deploy.DestroyOptions{Name: f.name, Force: force}, show)
	})
	done()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "%s is gone from %s; nothing is left of it.\n", f.name, account.Region)
	return nil
}
