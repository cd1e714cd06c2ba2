package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) environmentsCommand() *cobra.Command {
	var output outputFlag
	cmd := &cobra.Command{
		Use:               "environments [NAME...]",
		Aliases:           []string{"environment", "envs", "env"},
		Short:             "List compute environments, or show some in detail",
		ValidArgsFunction: a.completion(a.completeEnvironments),
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			return a.runEnvironments(cmd.Context(), args, form)
		},
	}
	output.add(cmd, asTable, asJSON, asID)
	return cmd
}

func (a *App) runEnvironments(ctx context.Context, names []string, form string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	all, err := c.environments(ctx)
	if err != nil {
		return err
	}
	chosen := all
	if len(names) > 0 {
		chosen = nil
		var exist []string
		for _, e := range all {
			exist = append(exist, aws.ToString(e.ComputeEnvironmentName))
		}
		for _, ref := range names {
			i := slices.Index(exist, shortName(ref))
			if i < 0 {
				e := &Error{Message: "there is no compute environment " + quote(ref), Next: "make one with `packhorse apply -f FILE`"}
				if len(exist) > 0 {
					e.Next = "use one that exists: " + someOf(exist)
				}
				return e
			}
			chosen = append(chosen, all[i])
		}
	}
	switch form {
	case asJSON:
		return printJSON(a.Out, struct {
			ComputeEnvironments []types.ComputeEnvironmentDetail
		}{orEmpty(chosen)})
	case asID:
		for _, e := range chosen {
			fmt.Fprintln(a.Out, aws.ToString(e.ComputeEnvironmentName))
		}
		return nil
	}
	if len(all) == 0 {
		fmt.Fprintln(a.Err, "No compute environments. Make one with `packhorse apply -f FILE`.")
		return nil
	}
	queues, err := c.queues(ctx)
	if err != nil {
		return err
	}
	users := map[string][]string{} // environment -> queues that use it
	for _, q := range queues {
		for _, e := range queueEnvironments(q) {
			users[e] = append(users[e], aws.ToString(q.JobQueueName))
		}
	}
	if len(names) > 0 {
		for i, e := range chosen {
			if i > 0 {
				fmt.Fprintln(a.Out)
			}
			fmt.Fprint(a.Out, a.environmentText(e, users[aws.ToString(e.ComputeEnvironmentName)]))
		}
		return nil
	}
	g := &grid{columns: []column{
		{title: "NAME"}, {title: "TYPE"}, {title: "STATE", state: true}, {title: "STATUS", state: true}, {title: "VCPUS", right: true},
		{title: "INSTANCES", flex: true}, {title: "QUEUES", flex: true}, {title: "REASON", flex: true},
	}}
	for _, e := range chosen {
		var instances []string
		if r := e.ComputeResources; r != nil {
			instances = r.InstanceTypes
		}
		reason := ""
		if e.Status != types.CEStatusValid { // what is healthy needs no explanation
			reason = aws.ToString(e.StatusReason)
		}
		name := aws.ToString(e.ComputeEnvironmentName)
		g.row(name, environmentType(e), string(e.State), string(e.Status), vcpusText(e), strings.Join(instances, ","), strings.Join(users[name], ","), reason)
	}
	fmt.Fprint(a.Out, g.text(a.Out))
	return nil
}

// environmentType is what kind of capacity an environment has: EC2, SPOT, FARGATE or
// FARGATE_SPOT, or UNMANAGED.
func environmentType(e types.ComputeEnvironmentDetail) string {
	if e.ComputeResources != nil && e.ComputeResources.Type != "" {
		return string(e.ComputeResources.Type)
	}
	return string(e.Type)
}

// vcpusText is the vCPUs that an environment has now and may have: 8 of 0-256.
func vcpusText(e types.ComputeEnvironmentDetail) string {
	r := e.ComputeResources
	switch {
	case r == nil && e.UnmanagedvCpus != nil:
		return strconv.Itoa(int(*e.UnmanagedvCpus))
	case r == nil:
		return ""
	case fargate(r.Type):
		return fmt.Sprintf("up to %d", aws.ToInt32(r.MaxvCpus))
	}
	return fmt.Sprintf("%d of %d-%d", aws.ToInt32(r.DesiredvCpus), aws.ToInt32(r.MinvCpus), aws.ToInt32(r.MaxvCpus))
}

func fargate(t types.CRType) bool { return t == types.CRTypeFargate || t == types.CRTypeFargateSpot }

func (a *App) environmentText(e types.ComputeEnvironmentDetail, queues []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", a.Out.paint(bold, aws.ToString(e.ComputeEnvironmentName)), aws.ToString(e.ComputeEnvironmentArn))
	var f facts
	f.add("state", a.Out.state(string(e.State)))
	f.add("status", a.Out.state(string(e.Status)))
	f.add("reason", oneLine(aws.ToString(e.StatusReason)))
	f.add("type", strings.TrimSuffix(string(e.Type)+" "+environmentType(e), " UNMANAGED"))
	f.add("queues", strings.Join(queues, ", "))
	f.add("vCPUs", vcpusText(e))
	if r := e.ComputeResources; r != nil {
		f.add("allocation", string(r.AllocationStrategy))
		f.add("instances", strings.Join(r.InstanceTypes, ", "))
		if n := aws.ToInt32(r.BidPercentage); n > 0 {
			f.add("bid", fmt.Sprintf("%d%% of the On-Demand price", n))
		}
		f.add("instance role", aws.ToString(r.InstanceRole))
		f.add("subnets", strings.Join(r.Subnets, ", "))
		f.add("security groups", strings.Join(r.SecurityGroupIds, ", "))
		if l := r.LaunchTemplate; l != nil {
			f.add("launch template", strings.TrimSpace(firstOf(aws.ToString(l.LaunchTemplateName), aws.ToString(l.LaunchTemplateId))+" "+aws.ToString(l.Version)))
		}
		f.add("instance tags", pairs(r.Tags))
	}
	f.add("service role", aws.ToString(e.ServiceRole))
	f.add("cluster", shortName(aws.ToString(e.EcsClusterArn)))
	f.add("tags", pairs(e.Tags))
	b.WriteString(f.text("  "))
	return b.String()
}
