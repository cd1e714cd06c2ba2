package fakeaws

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

type ec2Group = ec2types.SecurityGroup

// needOf is what a task takes of a host: what is said for the task, or else the sum
// of its containers, of whose memory the reservation counts.
func needOf(d *definition, o *types.TaskOverride) resources {
	if o == nil {
		o = &types.TaskOverride{}
	}
	var need resources
	for _, c := range d.is.ContainerDefinitions {
		own := overrideOf(o, *c.Name)
		cpu := int(c.Cpu)
		if own.Cpu != nil {
			cpu = int(*own.Cpu)
		}
		need.cpu += cpu
		need.memory += int(firstOf(own.MemoryReservation, c.MemoryReservation, own.Memory, c.Memory))
		requirements := c.ResourceRequirements
		if own.ResourceRequirements != nil {
			requirements = own.ResourceRequirements
		}
		need.gpus += gpusOf(requirements)
	}
	if cpu := firstOf(o.Cpu, d.is.Cpu); cpu != "" {
		need.cpu = taskCPU(cpu)
	}
	if memory := firstOf(o.Memory, d.is.Memory); memory != "" {
		need.memory = taskMemory(memory)
	}
	return need
}

func gpusOf(requirements []types.ResourceRequirement) int {
	sum := 0
	for _, r := range requirements {
		if n, err := strconv.Atoi(value(r.Value)); err == nil && r.Type == types.ResourceTypeGpu {
			sum += n
		}
	}
	return sum
}

// firstOf is the first value that there is.
func firstOf[T any](values ...*T) T {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	var zero T
	return zero
}

func overrideOf(o *types.TaskOverride, name string) types.ContainerOverride {
	for _, c := range o.ContainerOverrides {
		if value(c.Name) == name {
			return c
		}
	}
	return types.ContainerOverride{}
}

// start places one task and lets it begin, or says why it cannot. With mu held.
func (c *Cloud) start(k *cluster, p taskPlan, in *ecs.RunTaskInput) (*task, []types.Failure) {
	if p.provider != "" {
		subnet, failure := c.fargatePlace(p, in)
		if failure != nil {
			return nil, []types.Failure{*failure}
		}
		return c.newTask(k, p, in, nil, subnet), nil
	}
	a, failures := c.place(k, p, in.PlacementStrategy)
	if a == nil {
		return nil, failures
	}
	return c.newTask(k, p, in, a, a.instance.subnet), nil
}

// fargatePlace finds a subnet whose zone has capacity.
func (c *Cloud) fargatePlace(p taskPlan, in *ecs.RunTaskInput) (ec2types.Subnet, *types.Failure) {
	market := onDemandMarket
	if p.provider == providerFargateSpot {
		market = spotMarket
	}
	for _, id := range in.NetworkConfiguration.AwsvpcConfiguration.Subnets {
		if s, ok := c.network.subnet(id); ok && !c.short(kind{fargateType, *s.AvailabilityZone, market}, nil) {
			return s, nil
		}
	}
	reason := "Capacity is unavailable at this time. Please try again later or in a different availability zone"
	return ec2types.Subnet{}, &types.Failure{Reason: &reason}
}

// place finds a container instance for a task, or a failure for each that was looked
// at: those that the constraints allow, or all if they allow none.
func (c *Cloud) place(k *cluster, p taskPlan, strategy []types.PlacementStrategy) (*agent, []types.Failure) {
	var fit []*agent
	var allowed, others []types.Failure
	for _, a := range k.agents {
		if a.status != agentActive {
			continue
		}
		if slices.ContainsFunc(p.where, func(e expression) bool { return !e(a) }) {
			others = append(others, failure(a.arn, "MemberOf placement constraint unsatisfied."))
			continue
		}
		if reason := p.unfit(a); reason != "" {
			allowed = append(allowed, failure(a.arn, reason))
			continue
		}
		fit = append(fit, a)
	}
	switch {
	case len(fit) > 0:
		return c.prefer(fit, strategy), nil
	case len(allowed) > 0:
		return nil, allowed
	case len(others) > 0:
		return nil, others
	}
	// What ECS says when all of them drain is not documented for RunTask; this is its
	// word for capacity providers ("API failure reasons").
	return nil, []types.Failure{failure(k.arn, "NO ACTIVE INSTANCES")}
}

func failure(arn, reason string) types.Failure { return types.Failure{Arn: &arn, Reason: &reason} }

// unfit says why an agent cannot take a task, in ECS's words; empty if it can.
func (p taskPlan) unfit(a *agent) string {
	used := a.used()
	arch := ""
	if r := p.definition.is.RuntimePlatform; r != nil {
		arch = strings.ToLower(string(r.CpuArchitecture))
	}
	switch {
	case !a.connected:
		return "AGENT"
	case arch != "" && arch != a.instance.typ.Arch:
		return "ATTRIBUTE"
	case p.distinct && slices.ContainsFunc(a.tasks, func(t *task) bool { return t.group == p.group }):
		return "DistinctInstance placement constraint unsatisfied."
	case used.cpu+p.need.cpu > a.has.cpu:
		return "RESOURCE:CPU"
	case used.memory+p.need.memory > a.has.memory:
		return "RESOURCE:MEMORY"
	case used.gpus+p.need.gpus > a.has.gpus:
		return "RESOURCE:GPU"
	}
	return ""
}

// prefer chooses by the first strategy: binpack takes the fullest host, spread the one
// with the fewest tasks; without one, and for "random", it is chance.
func (c *Cloud) prefer(fit []*agent, strategy []types.PlacementStrategy) *agent {
	if len(strategy) > 0 {
		s := strategy[0]
		switch {
		case s.Type == types.PlacementStrategyTypeBinpack && strings.EqualFold(value(s.Field), "memory"):
			return slices.MinFunc(fit, func(a, b *agent) int { return cmp.Compare(a.has.memory-a.used().memory, b.has.memory-b.used().memory) })
		case s.Type == types.PlacementStrategyTypeBinpack:
			return slices.MinFunc(fit, func(a, b *agent) int { return cmp.Compare(a.has.cpu-a.used().cpu, b.has.cpu-b.used().cpu) })
		case s.Type == types.PlacementStrategyTypeSpread:
			return slices.MinFunc(fit, func(a, b *agent) int { return cmp.Compare(len(a.tasks), len(b.tasks)) })
		}
	}
	c.made["placement"]++
	return fit[c.stream("placement", strconv.Itoa(c.made["placement"])).IntN(len(fit))]
}
