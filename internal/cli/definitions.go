package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) definitionsCommand() *cobra.Command {
	var output outputFlag
	var all bool
	cmd := &cobra.Command{
		Use:     "definitions [NAME|NAME:REVISION...]",
		Aliases: []string{"definition", "defs"},
		Short:   "List job definitions, or show some in detail",
		Long: `List the latest active revision of each job definition. With names, show those in
detail: the latest active revision, or the one named.`,
		ValidArgsFunction: a.completion(a.completeDefinitions),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.runDefinitions(cmd.Context(), args, all, form)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all revisions, inactive ones too")
	output.add(cmd, asTable, asJSON, asID)
	return cmd
}

func (a *App) runDefinitions(ctx context.Context, names []string, all bool, form string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	var chosen []types.JobDefinition
	if len(names) == 0 {
		if chosen, err = a.definitionsNamed(ctx, c, "", all); err != nil {
			return err
		}
	}
	for _, ref := range names {
		found, err := a.definitionsNamed(ctx, c, ref, all)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return &Error{
				Message: "there is no job definition " + quote(ref),
				Next:    "`packhorse definitions --all` lists what there is, inactive revisions too",
			}
		}
		chosen = append(chosen, found...)
	}
	switch form {
	case asJSON:
		return printJSON(a.Out, struct{ JobDefinitions []types.JobDefinition }{orEmpty(chosen)})
	case asID:
		for _, d := range chosen {
			fmt.Fprintf(a.Out, "%s:%d\n", aws.ToString(d.JobDefinitionName), aws.ToInt32(d.Revision))
		}
		return nil
	}
	if len(names) > 0 && !all {
		for i, d := range chosen {
			if i > 0 {
				fmt.Fprintln(a.Out)
			}
			fmt.Fprint(a.Out, a.definitionText(d))
		}
		return nil
	}
	if len(chosen) == 0 {
		fmt.Fprintln(a.Err, "No job definitions. Make one with `packhorse apply -f FILE`, or submit with --image.")
		return nil
	}
	g := &grid{columns: []column{
		{title: "NAME"}, {title: "REVISION", right: true}, {title: "STATUS", state: true}, {title: "TYPE"},
		{title: "IMAGE", flex: true}, {title: "RESOURCES"}, {title: "COMMAND", flex: true},
	}}
	for _, d := range chosen {
		resources, command := "", ""
		if p := d.ContainerProperties; p != nil {
			resources, command = resourcesText(p.ResourceRequirements, p.Vcpus, p.Memory), commandLine(p.Command)
		}
		g.row(aws.ToString(d.JobDefinitionName), strconv.Itoa(int(aws.ToInt32(d.Revision))), aws.ToString(d.Status),
			aws.ToString(d.Type), definitionImage(d), resources, command)
	}
	fmt.Fprint(a.Out, g.text(a.Out))
	return nil
}

// definitionsNamed returns the latest active revision of the definition that ref names,
// or of every one if ref is empty; with all, every revision of it. A ref with a revision
// means just that one.
func (a *App) definitionsNamed(ctx context.Context, c *client, ref string, all bool) ([]types.JobDefinition, error) {
	name, revision, exact := strings.Cut(shortName(ref), ":")
	in := batch.DescribeJobDefinitionsInput{}
	if name != "" {
		in.JobDefinitionName = aws.String(name)
	}
	if !all && !exact {
		in.Status = aws.String("ACTIVE")
	}
	found, err := c.definitions(ctx, in)
	if err != nil || all && !exact {
		return found, err
	}
	var out []types.JobDefinition
	for i, d := range found {
		first := i == 0 || aws.ToString(found[i-1].JobDefinitionName) != aws.ToString(d.JobDefinitionName)
		if exact && strconv.Itoa(int(aws.ToInt32(d.Revision))) == revision || !exact && first {
			out = append(out, d)
		}
	}
	return out, nil
}

// definitionImage is the image of a definition; of several containers, the first one's.
func definitionImage(d types.JobDefinition) string {
	switch {
	case d.ContainerProperties != nil:
		return aws.ToString(d.ContainerProperties.Image)
	case d.EcsProperties != nil:
		for _, t := range d.EcsProperties.TaskProperties {
			if len(t.Containers) > 0 {
				return andMore(aws.ToString(t.Containers[0].Image), len(t.Containers)-1)
			}
		}
	case d.NodeProperties != nil:
		ranges := d.NodeProperties.NodeRangeProperties
		if len(ranges) > 0 && ranges[0].Container != nil {
			return andMore(aws.ToString(ranges[0].Container.Image), len(ranges)-1)
		}
	}
	return ""
}

func andMore(first string, more int) string {
	if more <= 0 {
		return first
	}
	return fmt.Sprintf("%s and %d more", first, more)
}

func (a *App) definitionText(d types.JobDefinition) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", a.Out.paint(bold, fmt.Sprintf("%s:%d", aws.ToString(d.JobDefinitionName), aws.ToInt32(d.Revision))), aws.ToString(d.JobDefinitionArn))
	var f facts
	f.add("status", a.Out.state(aws.ToString(d.Status)))
	f.add("type", aws.ToString(d.Type))
	var platforms []string
	for _, p := range d.PlatformCapabilities {
		platforms = append(platforms, string(p))
	}
	f.add("platform", strings.Join(platforms, ", "))
	if p := d.ContainerProperties; p != nil {
		f.add("image", aws.ToString(p.Image))
		f.add("command", commandLine(p.Command))
		f.add("resources", resourcesText(p.ResourceRequirements, p.Vcpus, p.Memory))
		env := map[string]string{}
		for _, e := range p.Environment {
			env[aws.ToString(e.Name)] = aws.ToString(e.Value)
		}
		f.add("environment", pairs(env))
		f.add("job role", aws.ToString(p.JobRoleArn))
		f.add("log group", groupOf(p.LogConfiguration))
	} else {
		f.add("image", definitionImage(d))
	}
	if r := d.RetryStrategy; r != nil && aws.ToInt32(r.Attempts) > 0 {
		f.add("attempts", strconv.Itoa(int(*r.Attempts)))
		var rules []string
		for _, e := range r.EvaluateOnExit {
			var when []string
			for _, cond := range []struct {
				what  string
				value *string
			}{{"exit code", e.OnExitCode}, {"reason", e.OnReason}, {"status reason", e.OnStatusReason}} {
				if cond.value != nil {
					when = append(when, cond.what+" "+*cond.value)
				}
			}
			rules = append(rules, strings.ToUpper(string(e.Action))+" on "+strings.Join(when, " and "))
		}
		f.add("on exit", strings.Join(rules, "\n"))
	}
	if t := d.Timeout; t != nil && t.AttemptDurationSeconds != nil {
		f.add("timeout", span(time.Duration(*t.AttemptDurationSeconds)*time.Second)+" for an attempt")
	}
	if n := aws.ToInt32(d.SchedulingPriority); n != 0 {
		f.add("priority", strconv.Itoa(int(n)))
	}
	f.add("parameters", pairs(d.Parameters))
	f.add("tags", pairs(d.Tags))
	b.WriteString(f.text("  "))
	return b.String()
}
