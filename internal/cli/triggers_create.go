package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	domain "github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/cli/strict"
)

// triggerFlags describe a rule.
type triggerFlags struct {
	file                   string
	bucket, prefix, suffix string
	events                 []string
	queue, definition      string
	params, env, tags      []string
	command, share         string
}

func (a *App) triggersCreateCommand() *cobra.Command {
	var f triggerFlags
	var output outputFlag
	cmd := &cobra.Command{
		Use:   "create NAME [-- COMMAND...]",
		Short: "Make a trigger",
		Long: `Make a trigger. It is checked against the queue and the definition at once; one of the
same name and members is left as it is.

In the values of --param and --env and in the command, {bucket}, {key}, {version},
{size} (bytes) and {etag} stand for the object; a literal brace is written twice, {{ or
}}. A key is chosen by whoever may write to the bucket: give it to a shell as a variable,
not as a part of its script.`,
		Example: `  packhorse triggers create ingest --bucket incoming --suffix .csv \
      --definition load --queue default --env OBJECT='s3://{bucket}/{key}'
  packhorse triggers create thumbs --bucket photos --event s3:ObjectCreated:Put \
      --definition resize --queue default -- resize --from={key} --version={version}
  packhorse triggers create -f rule.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			rule, err := f.rule(a, cmd, args)
			if err != nil {
				return err
			}
			return a.createTrigger(cmd.Context(), rule, form)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "take the rule from this JSON or YAML file, - for standard input; flags change it")
	fl.StringVar(&f.bucket, "bucket", "", "bucket whose objects make jobs")
	fl.StringVar(&f.prefix, "prefix", "", "how keys begin, such as in/")
	fl.StringVar(&f.suffix, "suffix", "", "how keys end, such as .csv")
	fl.StringArrayVar(&f.events, "event", nil, "kind of event, such as s3:ObjectCreated:Put (may be repeated; default s3:ObjectCreated:*)")
	fl.StringVar(&f.queue, "queue", "", "queue of the jobs (default: PACKHORSE_QUEUE, else the only enabled one)")
	fl.StringVar(&f.definition, "definition", "", "job definition: name, name:revision or ARN")
	fl.StringArrayVar(&f.params, "param", nil, "parameter for Ref::KEY in the definition's command, KEY=VALUE (may be repeated)")
	fl.StringArrayVar(&f.env, "env", nil, "environment variable, KEY=VALUE (may be repeated)")
	fl.StringVar(&f.command, "command", "", "command as one text, split at spaces, quotes respected; or give it after --")
	fl.StringVar(&f.share, "share", "", "share identifier, for queues with fair share")
	fl.StringArrayVar(&f.tags, "tag", nil, "tag of the jobs, KEY=VALUE (may be repeated)")
	a.complete(cmd, "queue", a.completeQueues)
	a.complete(cmd, "definition", a.completeDefinitions)
	output.add(cmd, asText, asJSON, asID)
	return cmd
}

// rule makes the rule: what the file says, changed by what the flags say.
func (f *triggerFlags) rule(a *App, cmd *cobra.Command, args []string) (*domain.Trigger, error) {
	var rule domain.Trigger
	if f.file != "" {
		name, data, err := a.readFile(f.file)
		if err != nil {
			return nil, err
		}
		if err := strict.Decode(data, &rule); err != nil {
			return nil, usage("%s: %s", name, err).hint("its members are those of `packhorse triggers describe -o json`, up to tags")
		}
	}
	names, words := args, []string(nil)
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		names, words = args[:dash], args[dash:]
	}
	switch {
	case len(names) > 1:
		return nil, usage("%s takes one name, got %s too", cmd.CommandPath(), quote(names[1])).hint("write the command after --")
	case len(names) == 1:
		rule.Name = names[0]
	case rule.Name == "":
		return nil, usage("%s needs a name for the trigger", cmd.CommandPath())
	}
	given := cmd.Flags().Changed
	for _, s := range []struct {
		flag, value string
		into        *string
	}{
		{"bucket", f.bucket, &rule.Bucket}, {"prefix", f.prefix, &rule.Prefix}, {"suffix", f.suffix, &rule.Suffix},
		{"queue", f.queue, &rule.JobQueue}, {"definition", f.definition, &rule.JobDefinition}, {"share", f.share, &rule.ShareIdentifier},
	} {
		if given(s.flag) {
			*s.into = s.value
		}
	}
	if given("event") {
		rule.Events = f.events
	}
	switch {
	case rule.Bucket == "":
		return nil, usage("which bucket?").hint("give --bucket")
	case rule.JobDefinition == "":
		return nil, usage("which job definition?").hint("give --definition; `packhorse definitions` lists them")
	}
	return &rule, f.fill(&rule, words)
}

// fill puts what the object goes into, and tags, into the rule.
func (f *triggerFlags) fill(rule *domain.Trigger, words []string) error {
	for _, m := range []struct {
		flag   string
		values []string
		into   *map[string]string
	}{{"param", f.params, &rule.Parameters}, {"tag", f.tags, &rule.Tags}} {
		for _, kv := range m.values {
			k, v, ok := strings.Cut(kv, "=")
			if !ok || k == "" {
				return usage("--%s %s is not KEY=VALUE", m.flag, quote(kv))
			}
			if *m.into == nil {
				*m.into = map[string]string{}
			}
			(*m.into)[k] = v
		}
	}
	for _, kv := range f.env {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return usage("--env %s is not KEY=VALUE", quote(kv))
		}
		setVariable(&rule.Environment, k, v)
	}
	switch {
	case len(words) > 0 && f.command != "":
		return usage("the command is given twice, by --command and after --").hint("leave one of them out")
	case len(words) > 0:
		rule.Command = words
	case f.command != "":
		split, err := splitWords(f.command)
		if err != nil {
			return usage("--command %s: %s", quote(f.command), err)
		}
		rule.Command = split
	}
	return nil
}

func (a *App) createTrigger(ctx context.Context, rule *domain.Trigger, form string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if rule.JobQueue == "" && c.target.endpoint != "" {
		if rule.JobQueue, err = a.defaultQueue(ctx, c); err != nil {
			return err
		}
	}
	var made domain.TriggerDetail
	if err := c.own(ctx, http.MethodPost, triggersPath, rule, &made); err != nil {
		return err
	}
	switch form {
	case asJSON:
		return printJSON(a.Out, made)
	case asID:
		fmt.Fprintln(a.Out, made.Name)
		return nil
	}
	fmt.Fprint(a.Out, a.triggerText(made))
	return nil
}
