package cli

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/spf13/cobra"
)

func (a *App) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print the completion script of a shell",
		Long: `Print a script that makes a shell complete commands and flags, and the names of
queues, definitions and jobs that the server knows.

  bash   source <(packhorse completion bash)
  zsh    packhorse completion zsh > "${fpath[1]}/_packhorse"
  fish   packhorse completion fish > ~/.config/fish/completions/packhorse.fish`,
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      argsBetween(1, 1, "the name of a shell: bash, zsh or fish"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.Out, true)
			case "zsh":
				return root.GenZshCompletion(a.Out)
			case "fish":
				return root.GenFishCompletion(a.Out, true)
			}
			return usage("there is no completion for %s", quote(args[0])).hint("use bash, zsh or fish")
		},
	}
}

// completer returns the words that may stand where the cursor is; a tab in a word
// begins its description.
type completer func(ctx context.Context, c *client, begun string) []string

// completionTime is how long a shell may be kept waiting for names.
const completionTime = time.Second

// completion makes a cobra completion of a completer. It never fails and never takes
// long: without a server there are simply no names.
func (a *App) completion(names completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTime)
		defer cancel()
		c, err := a.connect(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, n := range names(ctx, c, begun) {
			if strings.HasPrefix(n, begun) {
				out = append(out, n)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// complete gives a flag a completer.
func (a *App) complete(cmd *cobra.Command, flag string, names completer) {
	_ = cmd.RegisterFlagCompletionFunc(flag, a.completion(names))
}

func (a *App) completeQueues(ctx context.Context, c *client, _ string) (names []string) {
	all, _ := c.queues(ctx)
	for _, q := range all {
		names = append(names, aws.ToString(q.JobQueueName)+"\t"+string(q.State))
	}
	return names
}

func (a *App) completeEnvironments(ctx context.Context, c *client, _ string) (names []string) {
	all, _ := c.environments(ctx)
	for _, e := range all {
		names = append(names, aws.ToString(e.ComputeEnvironmentName)+"\t"+string(e.State))
	}
	return names
}

func (a *App) completeDefinitions(ctx context.Context, c *client, _ string) (names []string) {
	all, _ := c.definitions(ctx, batch.DescribeJobDefinitionsInput{Status: aws.String("ACTIVE")})
	last := ""
	for _, d := range all { // the newest revision of a name comes first
		if name := aws.ToString(d.JobDefinitionName); name != last {
			names = append(names, name+"\t"+definitionImage(d))
			last = name
		}
	}
	return names
}

func (a *App) completeJobs(ctx context.Context, c *client, _ string) (ids []string) {
	rows, _, _ := a.listJobs(ctx, c, jobQuery{Limit: defaultLimit})
	for _, r := range rows {
		ids = append(ids, aws.ToString(r.JobId)+"\t"+aws.ToString(r.JobName)+" "+string(r.Status))
	}
	return ids
}
