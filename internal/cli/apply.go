package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

type applyFlags struct {
	file    string
	dryRun  bool
	timeout time.Duration
	output  outputFlag
}

// applyTimeout is how long apply waits for what it made to become VALID.
const applyTimeout = 5 * time.Minute

func (a *App) applyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make environments, queues, definitions and policies as a file says",
		Long: `Make the server have what a file says: create what is missing, update what differs,
leave the rest alone. The difference is printed first; with --dry-run that is all.

The file is YAML (of one document or several) or JSON, with the keys
computeEnvironments, jobQueues, jobDefinitions and schedulingPolicies. Each is a list
of what the AWS CLI takes to create one. Policies and environments are made before the
queues that name them; a queue may name its policy instead of giving the ARN.

What the file does not mention is left as it is, except in job definitions: one that
differs in anything is registered again as a new revision. Nothing is ever deleted.`,
		Example: `  packhorse apply -f batch.yaml --dry-run
  packhorse apply -f batch.yaml`,
		Args: argsBetween(0, 0, ""),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runApply(cmd.Context(), &f) },
	}
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "the file, - for standard input")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print the difference and change nothing")
	cmd.Flags().DurationVar(&f.timeout, "timeout", applyTimeout, "how long to wait for a resource to become VALID")
	_ = cmd.MarkFlagFilename("file", "yaml", "yml", "json")
	f.output.add(cmd, asText, asJSON)
	return cmd
}

// result is what apply did about one resource.
type result struct {
	Kind       string
	Name       string
	Action     string // created, updated, registered, unchanged, failed, skipped; with --dry-run what would be done
	Difference string `json:"difference,omitempty"`
	Error      string `json:"error,omitempty"`
}

func (a *App) runApply(ctx context.Context, f *applyFlags) error {
	form, err := f.output.choose()
	if err != nil {
		return err
	}
	if err := notBelowZero("timeout", f.timeout); err != nil {
		return err
	}
	if f.file == "" {
		return usage("apply needs a file").hint("give one with -f FILE, or -f - for standard input")
	}
	file, data, err := a.readFile(f.file)
	if err != nil {
		return err
	}
	m, err := parseManifest(file, data)
	if err != nil {
		return err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	have, err := c.present(ctx, m)
	if err != nil {
		return err
	}
	changes, err := plan(m, have)
	if err != nil {
		return err
	}
	var results []result
	tell := func(ch change, done, diff string, problem error) {
		r := result{Kind: string(ch.kind), Name: ch.name, Action: done, Difference: diff}
		line := ch.key() + ": " + done
		if problem != nil {
			e := a.translate(problem)
			r.Error = e.Message
			line = ch.key() + ": " + a.Out.paint(red, done) + ": " + e.Message
			if e.Next != "" {
				r.Error += " (" + e.Next + ")"
				line += "\n  " + a.Out.paint(bold, "next:") + " " + e.Next
			}
		}
		results = append(results, r)
		if form == asText {
			fmt.Fprintln(a.Out, line)
		}
	}

	for _, ch := range changes {
		if ch.action != unchanged && form == asText {
			fmt.Fprint(a.Out, a.Out.paintDiff(ch.diff(file)))
		}
	}
	if f.dryRun {
		for _, ch := range changes {
			switch {
			case len(ch.fixed) > 0:
				tell(ch, "cannot be updated", ch.diff(file), ch.cannot())
			case ch.action == unchanged:
				tell(ch, "unchanged", "", nil)
			default:
				tell(ch, "to "+string(ch.action), ch.diff(file), nil)
			}
		}
	} else {
		ap := applier{app: a, c: c, deadline: a.Now().Add(f.timeout), policies: map[string]string{}, failed: map[string]bool{}}
		for name, p := range have.policies {
			ap.policies[name] = aws.ToString(p.Arn)
		}
		for _, ch := range changes {
			done, err := ap.do(ctx, ch)
			diff := ""
			if ch.action != unchanged {
				diff = ch.diff(file)
			}
			tell(ch, done, diff, err)
		}
	}
	if form == asJSON {
		if err := printJSON(a.Out, struct{ Resources []result }{results}); err != nil {
			return err
		}
	}
	failed := 0
	for _, r := range results {
		if r.Error != "" {
			failed++
		}
	}
	if failed > 0 {
		return failure("%d of %s could not be applied", failed, plural(len(results), "resource"))
	}
	return nil
}

// present looks up what a manifest names.
func (c *client) present(ctx context.Context, m manifest) (present, error) {
	p := present{
		policies:     map[string]types.SchedulingPolicyDetail{},
		environments: map[string]types.ComputeEnvironmentDetail{},
		queues:       map[string]types.JobQueueDetail{},
		definitions:  map[string]types.JobDefinition{},
	}
	named := len(m.SchedulingPolicies) > 0
	for _, q := range m.JobQueues {
		named = named || aws.ToString(q.SchedulingPolicyArn) != ""
	}
	if named {
		all, err := c.policies(ctx)
		if err != nil {
			return p, err
		}
		for _, one := range all {
			p.policies[aws.ToString(one.Name)] = one
		}
	}
	if len(m.ComputeEnvironments) > 0 {
		all, err := c.environments(ctx)
		if err != nil {
			return p, err
		}
		for _, e := range all {
			p.environments[aws.ToString(e.ComputeEnvironmentName)] = e
		}
	}
	if len(m.JobQueues) > 0 {
		all, err := c.queues(ctx)
		if err != nil {
			return p, err
		}
		for _, q := range all {
			p.queues[aws.ToString(q.JobQueueName)] = q
		}
	}
	for _, in := range m.JobDefinitions {
		found, err := c.definitions(ctx, batch.DescribeJobDefinitionsInput{
			JobDefinitionName: in.JobDefinitionName, Status: aws.String("ACTIVE"),
		})
		if err != nil {
			return p, err
		}
		if len(found) > 0 {
			p.definitions[aws.ToString(in.JobDefinitionName)] = found[0]
		}
	}
	return p, nil
}

// policies returns all scheduling policies.
func (c *client) policies(ctx context.Context) ([]types.SchedulingPolicyDetail, error) {
	var arns []string
	pages := batch.NewListSchedulingPoliciesPaginator(c.batch, &batch.ListSchedulingPoliciesInput{})
	for n := 0; pages.HasMorePages() && n < maxPages; n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.SchedulingPolicies {
			arns = append(arns, aws.ToString(p.Arn))
		}
	}
	var out []types.SchedulingPolicyDetail
	for part := range slices.Chunk(arns, maxDescribe) {
		page, err := c.batch.DescribeSchedulingPolicies(ctx, &batch.DescribeSchedulingPoliciesInput{Arns: part})
		if err != nil {
			return nil, err
		}
		out = append(out, page.SchedulingPolicies...)
	}
	return out, nil
}

// cannot says that a resource differs in what cannot be changed.
func (c change) cannot() error {
	return failure("%s of an existing %s cannot be changed", strings.Join(c.fixed, " and "), c.kind).
		hint("give it another name in the file, or delete it and apply again")
}

// applier carries changes out, one after the other.
type applier struct {
	app      *App
	c        *client
	deadline time.Time
	policies map[string]string // name -> ARN
	failed   map[string]bool   // resources that are not there as they should be
}

// do makes one change and waits for its end. It returns what was done, in a word.
func (ap *applier) do(ctx context.Context, ch change) (done string, err error) {
	for _, need := range ch.needs {
		if ap.failed[need] {
			ap.failed[ch.key()] = true
			return "skipped", failure("it needs %s, which could not be applied", need)
		}
	}
	if len(ch.fixed) > 0 {
		ap.failed[ch.key()] = true
		return "failed", ch.cannot()
	}
	if ch.busy { // the service refuses to change what it is changing
		if err := ap.untilValid(ctx, ch); err != nil {
			ap.failed[ch.key()] = true
			return "failed", err
		}
	}
	switch ch.action {
	case unchanged:
		return "unchanged", nil
	case update:
		done = "updated"
		err = ap.update(ctx, ch)
	default:
		done, err = ap.create(ctx, ch)
	}
	if err == nil {
		err = ap.untilValid(ctx, ch)
	}
	if err != nil {
		ap.failed[ch.key()] = true
		return "failed", err
	}
	return done, nil
}

func (ap *applier) create(ctx context.Context, ch change) (done string, err error) {
	api := ap.c.batch
	switch ch.kind {
	case policyKind:
		var in batch.CreateSchedulingPolicyInput
		if err := fromTree(ch.want, &in); err != nil {
			return "", err
		}
		out, err := api.CreateSchedulingPolicy(ctx, &in)
		if err != nil {
			return "", err
		}
		ap.policies[ch.name] = aws.ToString(out.Arn)
	case environmentKind:
		var in batch.CreateComputeEnvironmentInput
		if err := fromTree(ch.want, &in); err != nil {
			return "", err
		}
		if _, err := api.CreateComputeEnvironment(ctx, &in); err != nil {
			return "", err
		}
	case queueKind:
		var in batch.CreateJobQueueInput
		if err := fromTree(ch.want, &in); err != nil {
			return "", err
		}
		if err := ap.nameToARN(&in.SchedulingPolicyArn); err != nil {
			return "", err
		}
		if _, err := api.CreateJobQueue(ctx, &in); err != nil {
			return "", err
		}
	case definitionKind:
		var in batch.RegisterJobDefinitionInput
		if err := fromTree(ch.want, &in); err != nil {
			return "", err
		}
		out, err := api.RegisterJobDefinition(ctx, &in)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("registered as revision %d", aws.ToInt32(out.Revision)), nil
	}
	return "created", nil
}

func (ap *applier) update(ctx context.Context, ch change) error {
	api := ap.c.batch
	if len(ch.update) > 0 {
		switch ch.kind {
		case policyKind:
			var in batch.UpdateSchedulingPolicyInput
			if err := fromTree(pickTree(ch.want, "fairsharePolicy", "quotaSharePolicy"), &in); err != nil {
				return err
			}
			in.Arn = aws.String(ch.arn)
			if _, err := api.UpdateSchedulingPolicy(ctx, &in); err != nil {
				return err
			}
		case environmentKind:
			var in batch.UpdateComputeEnvironmentInput
			if err := fromTree(ch.update, &in); err != nil {
				return err
			}
			in.ComputeEnvironment = aws.String(ch.name)
			if _, err := api.UpdateComputeEnvironment(ctx, &in); err != nil {
				return err
			}
		case queueKind:
			var in batch.UpdateJobQueueInput
			if err := fromTree(ch.update, &in); err != nil {
				return err
			}
			in.JobQueue = aws.String(ch.name)
			if err := ap.nameToARN(&in.SchedulingPolicyArn); err != nil {
				return err
			}
			if _, err := api.UpdateJobQueue(ctx, &in); err != nil {
				return err
			}
		}
	}
	if len(ch.tags) > 0 {
		_, err := api.TagResource(ctx, &batch.TagResourceInput{ResourceArn: aws.String(ch.arn), Tags: ch.tags})
		return err
	}
	return nil
}

// nameToARN replaces the name of a policy by its ARN, which is what the service takes.
func (ap *applier) nameToARN(ref **string) error {
	name := aws.ToString(*ref)
	if name == "" || strings.HasPrefix(name, "arn:") {
		return nil
	}
	arn, ok := ap.policies[name]
	if !ok {
		return failure("there is no scheduling policy %s", quote(name)).hint("add it to schedulingPolicies in the file")
	}
	*ref = aws.String(arn)
	return nil
}

// untilValid waits until an environment or a queue has settled. INVALID is an error,
// with the reason that the server gives.
func (ap *applier) untilValid(ctx context.Context, ch change) error {
	for {
		status, reason := "", ""
		switch ch.kind {
		case environmentKind:
			found, err := ap.c.environments(ctx, ch.name)
			if err != nil {
				return err
			}
			if len(found) > 0 {
				status, reason = string(found[0].Status), aws.ToString(found[0].StatusReason)
			}
		case queueKind:
			found, err := ap.c.queues(ctx, ch.name)
			if err != nil {
				return err
			}
			if len(found) > 0 {
				status, reason = string(found[0].Status), aws.ToString(found[0].StatusReason)
			}
		default:
			return nil
		}
		switch {
		case status == "VALID":
			return nil
		case status == "INVALID":
			return failure("it is INVALID: %s", firstOf(oneLine(reason), "the server gives no reason"))
		case !ap.app.Now().Before(ap.deadline):
			return failure("it is still %s: %s", firstOf(status, "missing"), firstOf(oneLine(reason), "the server gives no reason")).
				hint("apply again later, or give --timeout more")
		}
		if err := ap.app.Pause(ctx, ap.c.poll()); err != nil {
			return err
		}
	}
}
