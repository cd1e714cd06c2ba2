package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	domain "github.com/packhorse-batch/packhorse/batch"
)

func (a *App) triggersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "triggers",
		Aliases: []string{"trigger"},
		Short:   "Submit a job for each object that appears in an S3 bucket",
		Long: `Submit a job for each object that appears in an S3 bucket.

A trigger is a rule: events of a bucket, perhaps only of keys with a prefix or a suffix,
make a job of a definition in a queue. {bucket}, {key}, {version}, {size} and {etag} in
its parameters, variables and command stand for the object. S3 may deliver an event more
than once; a version of an object makes one job all the same.

Events come to POST /events/s3 of the server, as S3, EventBridge, MinIO, moto and
LocalStack send them, or to the function s3trigger in an AWS account.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownSubcommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(a.triggersCreateCommand(), a.triggersListCommand(), a.triggersDescribeCommand(), a.triggersDeleteCommand(), a.triggersFailuresCommand())
	return cmd
}

// unknownSubcommand is the error for a word that is no command of cmd.
func unknownSubcommand(cmd *cobra.Command, name string) error {
	e := usage("%s has no command %s", cmd.CommandPath(), quote(name))
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return e.hint("did you mean %s?", strings.Join(near, " or "))
	}
	return e.hint("`%s --help` lists the commands", cmd.CommandPath())
}

func (a *App) triggersListCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the triggers",
		Args:    argsBetween(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.listTriggers(cmd.Context(), form)
		},
	}
	output.add(cmd, asTable, asJSON, asID)
	return cmd
}

func (a *App) listTriggers(ctx context.Context, form string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	all, err := c.triggers(ctx)
	if err != nil {
		return err
	}
	switch form {
	case asJSON:
		return printJSON(a.Out, triggerList{orEmpty(all)})
	case asID:
		for _, t := range all {
			fmt.Fprintln(a.Out, t.Name)
		}
		return nil
	}
	if len(all) == 0 {
		fmt.Fprintln(a.Err, "No triggers. Make one with `packhorse triggers create`.")
		return nil
	}
	g := &grid{columns: []column{
		{title: "NAME"}, {title: "OBJECTS", flex: true}, {title: "EVENTS", flex: true}, {title: "QUEUE"}, {title: "DEFINITION"},
		{title: "JOBS", right: true}, {title: "FAILED", right: true}, {title: "LAST JOB", right: true}, {title: "LAST FAILURE", flex: true},
	}}
	for _, t := range all {
		failure := ""
		if t.LastFailure != nil {
			failure = a.ago(t.LastFailure.At) + ": " + t.LastFailure.Reason
		}
		g.row(t.Name, objectsOf(t.Trigger), strings.Join(t.Events, ","), shortName(t.JobQueue), shortName(t.JobDefinition),
			strconv.FormatInt(t.Submitted, 10), strconv.FormatInt(t.Failed, 10), a.ago(t.LastSubmittedAt), failure)
	}
	fmt.Fprint(a.Out, g.text(a.Out))
	return nil
}

// objectsOf says which objects a rule is about: "s3://bucket/prefix*suffix".
func objectsOf(t domain.Trigger) string { return "s3://" + t.Bucket + "/" + t.Prefix + "*" + t.Suffix }

// ago is how long ago a time of the wire was; empty for none.
func (a *App) ago(at domain.Millis) string {
	if at == 0 {
		return ""
	}
	return a.since(at.Time()) + " ago"
}

func (a *App) triggersDescribeCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:               "describe NAME...",
		Aliases:           []string{"show"},
		Short:             "Show triggers in detail, with what became of them",
		Args:              argsBetween(1, -1, "the name of at least one trigger"),
		ValidArgsFunction: a.completion(a.completeTriggers),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.describeTriggers(cmd.Context(), args, form)
		},
	}
	output.add(cmd, asText, asJSON)
	return cmd
}

func (a *App) describeTriggers(ctx context.Context, names []string, form string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	var found []domain.TriggerDetail
	for _, name := range names {
		t, err := c.trigger(ctx, name)
		if isAbsent(err) {
			return noTrigger(name)
		}
		if err != nil {
			return err
		}
		found = append(found, t)
	}
	if form == asJSON {
		return printJSON(a.Out, triggerList{found})
	}
	for i, t := range found {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		fmt.Fprint(a.Out, a.triggerText(t))
	}
	return nil
}

func noTrigger(name string) error {
	return &Error{Message: "there is no trigger " + quote(name), Next: "`packhorse triggers list` lists what there is"}
}

func (a *App) triggerText(t domain.TriggerDetail) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", a.Out.paint(bold, t.Name), objectsOf(t.Trigger))
	var f facts
	f.add("bucket", t.Bucket)
	f.add("prefix", t.Prefix)
	f.add("suffix", t.Suffix)
	f.add("events", strings.Join(t.Events, ", "))
	f.add("queue", shortName(t.JobQueue))
	f.add("definition", shortName(t.JobDefinition))
	f.add("share", t.ShareIdentifier)
	f.add("parameters", pairs(t.Parameters))
	var variables []string
	for _, v := range t.Environment {
		variables = append(variables, aws.ToString(v.Name)+"="+aws.ToString(v.Value))
	}
	f.add("environment", strings.Join(variables, "\n"))
	f.add("command", commandLine(t.Command))
	f.add("tags", pairs(t.Tags))
	f.add("created", a.clock(t.CreatedAt.Time()))
	f.add("jobs", strconv.FormatInt(t.Submitted, 10))
	f.add("told again", repetitions(t.Repeated))
	if t.LastJobID != "" {
		f.add("last job", t.LastJobID+"  "+a.ago(t.LastSubmittedAt))
	}
	if t.Failed > 0 {
		f.add("failed", plural(int(t.Failed), "object"))
	}
	if l := t.LastFailure; l != nil {
		f.add("last failure", fmt.Sprintf("%s, %s\n%s\n%s", a.clock(l.At.Time()), l.Object, oneLine(l.Reason), "dead letter "+l.DeadLetter))
	}
	b.WriteString(f.text("  "))
	if t.Failed > 0 {
		fmt.Fprintf(&b, "  see `packhorse triggers failures --trigger %s`\n", t.Name)
	}
	return b.String()
}

func (a *App) triggersDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "delete NAME...",
		Aliases:           []string{"rm"},
		Short:             "Delete triggers; their jobs go on",
		Args:              argsBetween(1, -1, "the name of at least one trigger"),
		ValidArgsFunction: a.completion(a.completeTriggers),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.eachOf(cmd.Context(), args, "deleted", func(ctx context.Context, c *client, name string) error {
				return c.own(ctx, http.MethodDelete, triggersPath+"/"+url.PathEscape(name), nil, &struct{}{})
			})
		},
	}
}

// eachOf does something to each of the named things, says so, and goes on when one
// fails.
func (a *App) eachOf(ctx context.Context, names []string, did string, do func(context.Context, *client, string) error) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	failed := false
	for _, name := range names {
		if err := do(ctx, c, name); err != nil {
			e := a.translate(err)
			fmt.Fprintf(a.Err, "%s %s: %s\n", a.Err.paint(red, "packhorse:"), name, e.Message)
			failed = true
			continue
		}
		fmt.Fprintf(a.Out, "%s  %s\n", name, did)
	}
	if failed {
		return exit(ExitFailure)
	}
	return nil
}

func (a *App) completeTriggers(ctx context.Context, c *client, _ string) (names []string) {
	all, _ := c.triggers(ctx)
	for _, t := range all {
		names = append(names, t.Name+"\t"+objectsOf(t.Trigger))
	}
	return names
}

// repetitions says how often an event came again; empty for never.
func repetitions(n int64) string {
	if n == 0 {
		return ""
	}
	return plural(int(n), "event") + ", no further job"
}
