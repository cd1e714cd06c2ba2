package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) describeCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:               "describe JOB...",
		Short:             "Show all that is known about jobs",
		Example:           "  packhorse describe 3f2a8c1e\n  packhorse describe 3f2a8c1e:4 -o json",
		Args:              argsBetween(1, -1, "the id of a job"),
		ValidArgsFunction: a.completion(a.completeJobs),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.runDescribe(cmd.Context(), args, form)
		},
	}
	output.add(cmd, asText, asJSON)
	return cmd
}

func (a *App) runDescribe(ctx context.Context, refs []string, form string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	var jobs []types.JobDetail
	for _, ref := range refs {
		j, err := a.job(ctx, c, ref)
		if err != nil {
			return err
		}
		jobs = append(jobs, j)
	}
	if form == asJSON {
		return printJSON(a.Out, struct{ Jobs []types.JobDetail }{jobs})
	}
	for i, j := range jobs {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		fmt.Fprint(a.Out, a.jobText(j))
	}
	return nil
}

// jobText describes a job in sections; those with nothing to say are left out.
func (a *App) jobText(j types.JobDetail) string {
	var b strings.Builder
	section := func(title, body string) {
		if body != "" {
			b.WriteString("\n" + a.Out.paint(bold, title) + "\n" + body)
		}
	}
	fmt.Fprintf(&b, "%s  %s\n", a.Out.paint(bold, aws.ToString(j.JobName)), aws.ToString(j.JobId))

	var f facts
	status := a.Out.state(string(j.Status))
	switch {
	case aws.ToBool(j.IsTerminated):
		status += " (terminated on request)"
	case aws.ToBool(j.IsCancelled):
		status += " (cancelled on request)"
	}
	f.add("status", status)
	f.add("reason", oneLine(aws.ToString(j.StatusReason)))
	f.add("queue", shortName(aws.ToString(j.JobQueue)))
	f.add("definition", shortName(aws.ToString(j.JobDefinition)))
	f.add("share", aws.ToString(j.ShareIdentifier))
	if n := aws.ToInt32(j.SchedulingPriority); n != 0 {
		f.add("priority", strconv.Itoa(int(n)))
	}
	f.add("array", arrayText(j))
	if n := j.NodeProperties; n != nil {
		f.add("nodes", fmt.Sprintf("%d, the main node is %d", aws.ToInt32(n.NumNodes), aws.ToInt32(n.MainNode)))
	}
	var deps []string
	for _, d := range j.DependsOn {
		deps = append(deps, dependencyText(d))
	}
	f.add("depends on", strings.Join(deps, "\n"))
	if j.RetryStrategy != nil && aws.ToInt32(j.RetryStrategy.Attempts) > 1 {
		f.add("retries", fmt.Sprintf("up to %d attempts", *j.RetryStrategy.Attempts))
	}
	if j.Timeout != nil && j.Timeout.AttemptDurationSeconds != nil {
		f.add("timeout", span(time.Duration(*j.Timeout.AttemptDurationSeconds)*time.Second)+" for an attempt")
	}
	f.add("parameters", pairs(j.Parameters))
	f.add("tags", pairs(j.Tags))
	b.WriteString(f.text("  "))

	section("Timeline", a.timeline(j))
	if j.Container != nil {
		section("Container", containerText(j))
	}
	if j.EcsProperties != nil {
		section("Containers", a.containersTable(j.EcsProperties))
	}
	section("Attempts", a.attemptsTable(j))
	return b.String()
}

func arrayText(j types.JobDetail) string {
	p := j.ArrayProperties
	switch {
	case p == nil:
		return ""
	case p.Index != nil:
		return fmt.Sprintf("child %d", *p.Index)
	case aws.ToInt32(p.Size) == 0:
		return ""
	}
	if counts := countsText(p.StatusSummary); counts != "" {
		return fmt.Sprintf("%d jobs: %s", *p.Size, counts)
	}
	return plural(int(*p.Size), "job")
}

func dependencyText(d types.JobDependency) string {
	switch {
	case d.JobId == nil:
		return string(d.Type)
	case d.Type != "":
		return fmt.Sprintf("%s (%s)", *d.JobId, d.Type)
	}
	return *d.JobId
}

// pairs writes a map as lines of key=value, in the order of the keys.
func pairs(m map[string]string) string {
	var lines []string
	for k, v := range m {
		lines = append(lines, k+"="+v)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// timeline lists what happened to a job and when.
func (a *App) timeline(j types.JobDetail) string {
	created, started, stopped := moment(j.CreatedAt), moment(j.StartedAt), moment(j.StoppedAt)
	var b strings.Builder
	event := func(t time.Time, what string) {
		if !t.IsZero() {
			fmt.Fprintf(&b, "  %s  %s\n", a.clock(t), what)
		}
	}
	event(created, "submitted")
	earlier := earlierAttempts(j)
	for i, attempt := range earlier {
		event(moment(attempt.StartedAt), fmt.Sprintf("attempt %d started", i+1))
		event(moment(attempt.StoppedAt), fmt.Sprintf("attempt %d ended: %s", i+1, firstOf(attemptReason(attempt), "no reason given")))
	}
	switch {
	case started.IsZero() || j.Status == types.JobStatusRunnable && len(earlier) > 0:
		started = time.Time{} // what it says is the start of an attempt that is over
	case len(earlier) > 0:
		event(started, fmt.Sprintf("attempt %d started", len(earlier)+1))
	default:
		event(started, "started, "+span(started.Sub(created))+" after it was submitted")
	}
	switch {
	case !stopped.IsZero() && !started.IsZero():
		event(stopped, "ended, having run "+exact(stopped.Sub(started)))
	case !stopped.IsZero() && isArray(j):
		event(stopped, "the last of its jobs ended")
	case !stopped.IsZero():
		event(stopped, "ended without having run")
	case !started.IsZero():
		event(a.Now(), "now; it has run "+span(a.Now().Sub(started)))
	case !created.IsZero() && isArray(j):
		event(a.Now(), "now; "+span(a.Now().Sub(created))+" since")
	case !created.IsZero():
		event(a.Now(), "now; it has waited "+span(a.Now().Sub(created)))
	}
	return b.String()
}

// earlierAttempts are those that came before the one that is under way or, when the job
// has ended, before the one that ended it.
func earlierAttempts(j types.JobDetail) []types.AttemptDetail {
	if n := len(j.Attempts); n > 0 && ended(j.Status) {
		return j.Attempts[:n-1]
	}
	return j.Attempts
}

// isArray reports whether a job is an array, and not one of its jobs.
func isArray(j types.JobDetail) bool {
	return j.ArrayProperties != nil && aws.ToInt32(j.ArrayProperties.Size) > 0
}

func containerText(j types.JobDetail) string {
	c := j.Container
	var f facts
	f.add("image", aws.ToString(c.Image))
	f.add("command", commandLine(c.Command))
	f.add("resources", resourcesText(c.ResourceRequirements, c.Vcpus, c.Memory))
	var env []string
	for _, e := range c.Environment {
		env = append(env, aws.ToString(e.Name)+"="+aws.ToString(e.Value))
	}
	f.add("environment", strings.Join(env, "\n"))
	var mounts []string
	for _, m := range c.MountPoints {
		mounts = append(mounts, aws.ToString(m.SourceVolume)+" at "+aws.ToString(m.ContainerPath))
	}
	f.add("mounts", strings.Join(mounts, "\n"))
	f.add("job role", aws.ToString(c.JobRoleArn))
	if c.ExitCode != nil {
		f.add("exit code", strconv.Itoa(int(*c.ExitCode)))
	}
	f.add("exit reason", oneLine(aws.ToString(c.Reason)))
	f.add("host", shortHost(aws.ToString(c.ContainerInstanceArn)))
	f.add("task", shortHost(aws.ToString(c.TaskArn)))
	if s := aws.ToString(c.LogStreamName); s != "" {
		f.add("log", groupOf(c.LogConfiguration)+" "+s)
	}
	return f.text("  ")
}

func (a *App) containersTable(p *types.EcsPropertiesDetail) string {
	g := &grid{columns: []column{
		{title: "NAME"}, {title: "IMAGE", flex: true}, {title: "ESSENTIAL"}, {title: "EXIT", right: true},
		{title: "RESOURCES"}, {title: "REASON", flex: true}, {title: "COMMAND", flex: true},
	}}
	for _, task := range p.TaskProperties {
		for _, c := range task.Containers {
			exit := ""
			if c.ExitCode != nil {
				exit = strconv.Itoa(int(*c.ExitCode))
			}
			essential := "yes"
			if c.Essential != nil && !*c.Essential {
				essential = "no"
			}
			g.row(aws.ToString(c.Name), aws.ToString(c.Image), essential, exit,
				resourcesText(c.ResourceRequirements, nil, nil), aws.ToString(c.Reason), commandLine(c.Command))
		}
	}
	return indented("  ", g.text(narrower(a.Out)))
}

// narrower leaves room for the indent of a section.
func narrower(s Stream) Stream {
	if s.Width > 2 {
		s.Width -= 2
	}
	return s
}

func (a *App) attemptsTable(j types.JobDetail) string {
	if len(j.Attempts) == 0 {
		return ""
	}
	g := &grid{columns: []column{
		{title: "#", right: true}, {title: "STARTED"}, {title: "RAN"}, {title: "EXIT", right: true},
		{title: "HOST"}, {title: "REASON", flex: true},
	}}
	for i, at := range j.Attempts {
		exit, host := "", ""
		if at.Container != nil {
			if at.Container.ExitCode != nil {
				exit = strconv.Itoa(int(*at.Container.ExitCode))
			}
			host = shortHost(aws.ToString(at.Container.ContainerInstanceArn))
		} else if len(at.TaskProperties) > 0 {
			host = shortHost(aws.ToString(at.TaskProperties[0].ContainerInstanceArn))
		}
		ran := ""
		if from, to := moment(at.StartedAt), moment(at.StoppedAt); !from.IsZero() && !to.IsZero() {
			ran = exact(to.Sub(from))
		}
		g.row(strconv.Itoa(i+1), a.clock(moment(at.StartedAt)), ran, exit, host, attemptReason(at))
	}
	return indented("  ", g.text(narrower(a.Out)))
}

// shortHost is the last part of a container instance's ARN, which may name its cluster
// before it.
func shortHost(arn string) string {
	name := shortName(arn)
	return name[strings.LastIndexByte(name, '/')+1:]
}

func attemptReason(at types.AttemptDetail) string {
	reason := oneLine(aws.ToString(at.StatusReason))
	if at.Container != nil {
		if why := oneLine(aws.ToString(at.Container.Reason)); why != "" && why != reason {
			return firstOf(strings.TrimPrefix(reason+": "+why, ": "))
		}
	}
	return reason
}

// commandLine writes a command so that a shell would split it into the same words.
func commandLine(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n\"'`$&|;<>()*?[]{}#~\\!") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

// resourcesText writes what a container needs. vcpus and memory are the fields that
// older definitions use; requirements win.
func resourcesText(reqs []types.ResourceRequirement, vcpus, memory *int32) string {
	value := map[types.ResourceType]string{}
	if n := aws.ToInt32(vcpus); n > 0 {
		value[types.ResourceTypeVcpu] = strconv.Itoa(int(n))
	}
	if n := aws.ToInt32(memory); n > 0 {
		value[types.ResourceTypeMemory] = strconv.Itoa(int(n))
	}
	for _, r := range reqs {
		value[r.Type] = aws.ToString(r.Value)
	}
	var parts []string
	if v := value[types.ResourceTypeVcpu]; v != "" {
		parts = append(parts, v+" vCPU")
	}
	if v := value[types.ResourceTypeMemory]; v != "" {
		parts = append(parts, v+" MiB")
	}
	if v := value[types.ResourceTypeGpu]; v != "" {
		parts = append(parts, v+" GPU")
	}
	return strings.Join(parts, ", ")
}
