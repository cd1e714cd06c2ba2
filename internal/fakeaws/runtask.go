package fakeaws

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws/shapes"
)

// Bounds of RunTask (ECS API reference).
const (
	maxOverrides   = 8192 // characters of JSON
	maxStartedBy   = 128  // characters
	maxClientToken = 64   // characters from ! to ~
	maxCount       = 10   // tasks of one call
	// tokenAfterStop is how long a token is known after the last of its tasks stopped,
	// or 24 hours, whichever is over first ("Ensuring idempotency").
	tokenAfterStop = time.Hour
)

// RunTask starts tasks on container instances or on Fargate. What finds no room is a
// failure in the answer, not an error.
func (e *ECS) RunTask(ctx context.Context, in *ecs.RunTaskInput, _ ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	return call(ctx, e.c, "ecs.RunTask", in, e.c.runTask)
}

func (c *Cloud) runTask(in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	k, err := c.cluster(in.Cluster)
	if err != nil {
		return nil, err
	}
	asked := *in
	asked.ClientToken = nil
	print := fingerprint(asked)
	scope := "ecs.RunTask/" + k.name
	if r, known, same := c.recall(scope, value(in.ClientToken), print); known {
		if tasks := r.answer.([]*task); !c.outlived(tasks) {
			return again(tasks, same)
		}
	}
	plan, err := c.planTask(k, in)
	if err != nil {
		return nil, err
	}
	out := &ecs.RunTaskOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	var tasks []*task
	for range max(1, value(in.Count)) {
		t, failures := c.start(k, plan, in)
		if t == nil {
			out.Failures = append(out.Failures, failures...)
			continue
		}
		tasks = append(tasks, t)
		out.Tasks = append(out.Tasks, t.told())
	}
	if len(tasks) > 0 { // a request that started nothing was not successful: it may be tried again
		c.remember(scope, value(in.ClientToken), print, tasks)
	}
	return out, nil
}

// outlived reports whether tasks have stopped so long ago that their token is free.
func (c *Cloud) outlived(tasks []*task) bool {
	for _, t := range tasks {
		if t.last != statusStopped || c.now().Sub(t.stoppedAt) <= tokenAfterStop {
			return false
		}
	}
	return true
}

// again answers a call whose token is known.
func again(tasks []*task, same bool) (*ecs.RunTaskOutput, error) {
	if !same {
		conflict := &types.ConflictException{}
		for _, t := range tasks {
			conflict.ResourceIds = append(conflict.ResourceIds, t.arn)
		}
		message := "The provided clientToken is already in use with a different RunTask request."
		conflict.Message = &message
		return nil, conflict
	}
	out := &ecs.RunTaskOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	for _, t := range tasks {
		out.Tasks = append(out.Tasks, t.told())
	}
	return out, nil
}

// taskPlan is a call of RunTask that was found valid.
type taskPlan struct {
	definition *definition
	provider   string // FARGATE, FARGATE_SPOT, or empty: container instances
	need       resources
	where      []expression
	distinct   bool // not beside a task of the same group
	group      string
}

func (c *Cloud) planTask(k *cluster, in *ecs.RunTaskInput) (taskPlan, error) {
	if err := validRun(in); err != nil {
		return taskPlan{}, err
	}
	d := c.definition(value(in.TaskDefinition))
	switch {
	case value(in.TaskDefinition) == "":
		return taskPlan{}, refuse("InvalidParameterException", "TaskDefinition cannot be empty.")
	case d == nil:
		return taskPlan{}, refuse("ClientException", "TaskDefinition not found.")
	case d.is.Status != types.TaskDefinitionStatusActive:
		return taskPlan{}, refuse("ClientException", "TaskDefinition is inactive")
	}
	p := taskPlan{definition: d, group: value(in.Group)}
	if p.group == "" {
		p.group = "family:" + *d.is.Family
	}
	if err := validOverrides(d, in.Overrides); err != nil {
		return taskPlan{}, err
	}
	var err error
	if p.provider, err = providerOf(k, in); err != nil {
		return taskPlan{}, err
	}
	if err := c.validNetwork(d, in, p.provider); err != nil {
		return taskPlan{}, err
	}
	p.need = needOf(d, in.Overrides)
	if p.provider != "" {
		if len(in.PlacementConstraints)+len(in.PlacementStrategy) > 0 {
			return taskPlan{}, refuse("InvalidParameterException", "Placement constraints are not supported with FARGATE launch type.")
		}
		if !slices.Contains(d.is.Compatibilities, types.CompatibilityFargate) {
			return taskPlan{}, refuse("InvalidParameterException", "Task definition does not support launch_type FARGATE.")
		}
		return p, validFargateOverrides(d, in.Overrides)
	}
	if !slices.ContainsFunc(k.agents, func(a *agent) bool { return a.status != agentInactive }) {
		return taskPlan{}, refuse("InvalidParameterException", "No Container Instances were found in your cluster.")
	}
	return p, p.constrain(in)
}

func validRun(in *ecs.RunTaskInput) error {
	if n := value(in.Count); in.Count != nil && (n < 1 || n > maxCount) {
		return refuse("InvalidParameterException", "count is %d; it must be between 1 and %d.", n, maxCount)
	}
	if n := len(value(in.StartedBy)); n > maxStartedBy {
		return refuse("InvalidParameterException", "startedBy should be less than or equal to %d characters, not %d.", maxStartedBy, n)
	}
	token := value(in.ClientToken)
	if len(token) > maxClientToken || slices.ContainsFunc([]byte(token), func(b byte) bool { return b < '!' || b > '~' }) {
		return refuse("InvalidParameterException", "clientToken can be up to %d ASCII characters in the range of 33-126, inclusive.", maxClientToken)
	}
	return validECSTags(in.Tags)
}

func validOverrides(d *definition, o *types.TaskOverride) error {
	if o == nil {
		return nil
	}
	text, err := shapes.LowerJSON(o)
	if err != nil || len([]rune(string(text))) > maxOverrides {
		return refuse("InvalidParameterException", "Container Overrides length must be at most %d", maxOverrides)
	}
	for _, c := range o.ContainerOverrides {
		if !slices.ContainsFunc(d.is.ContainerDefinitions, func(own types.ContainerDefinition) bool { return value(own.Name) == value(c.Name) }) {
			return refuse("InvalidParameterException", "Override for container named %s is not a container in the TaskDefinition.", value(c.Name))
		}
	}
	return nil
}

// providerOf decides where a task runs: by launch type, by a strategy, or by the
// cluster's own strategy.
func providerOf(k *cluster, in *ecs.RunTaskInput) (string, error) {
	strategy := in.CapacityProviderStrategy
	if len(strategy) > 0 && in.LaunchType != "" {
		return "", refuse("InvalidParameterException", "Specify either a launch type or a capacity provider strategy, not both.")
	}
	switch in.LaunchType {
	case types.LaunchTypeFargate:
		return providerFargate, nil
	case types.LaunchTypeEc2:
		return "", nil
	case "":
	default:
		return "", refuse("InvalidParameterException", "launch type should be one of [EC2,FARGATE], not %s.", in.LaunchType)
	}
	if len(strategy) == 0 {
		strategy = k.strategy
	}
	chosen, weight := "", int32(-1)
	for _, s := range strategy {
		if !slices.Contains(k.providers, value(s.CapacityProvider)) {
			return "", notAssociated(value(s.CapacityProvider))
		}
		if w := s.Base*1000 + s.Weight; w > weight { // one task: it goes where the first would go
			chosen, weight = *s.CapacityProvider, w
		}
	}
	return chosen, nil
}

func (c *Cloud) validNetwork(d *definition, in *ecs.RunTaskInput, provider string) error {
	awsvpc := d.is.NetworkMode == types.NetworkModeAwsvpc
	switch {
	case !awsvpc && provider == "" && in.NetworkConfiguration != nil:
		return refuse("InvalidParameterException", "Network Configuration is not valid for the given networkMode of this task definition.")
	case !awsvpc:
		return nil
	case in.NetworkConfiguration == nil || in.NetworkConfiguration.AwsvpcConfiguration == nil:
		return refuse("InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	const mostSubnets, mostGroups = 16, 5
	vpc := in.NetworkConfiguration.AwsvpcConfiguration
	if n := len(vpc.Subnets); n == 0 || n > mostSubnets {
		return refuse("InvalidParameterException", "subnets can have 1 to %d items, not %d.", mostSubnets, n)
	}
	if n := len(vpc.SecurityGroups); n > mostGroups {
		return refuse("InvalidParameterException", "securityGroup can have at most %d items.", mostGroups)
	}
	for _, id := range vpc.Subnets {
		if _, ok := c.network.subnet(id); !ok {
			return refuse("InvalidParameterException", "Error retrieving subnet information for [%s]: The subnet ID '%s' does not exist (ErrorCode: InvalidSubnetID.NotFound)", id, id)
		}
	}
	for _, id := range vpc.SecurityGroups {
		if !slices.ContainsFunc(c.network.groups, func(g ec2Group) bool { return *g.GroupId == id }) {
			return refuse("InvalidParameterException", "Error retrieving security group information for [%s]: The security group '%s' does not exist (ErrorCode: InvalidGroup.NotFound)", id, id)
		}
	}
	return nil
}

func validFargateOverrides(d *definition, o *types.TaskOverride) error {
	if o == nil || o.Cpu == nil && o.Memory == nil {
		return nil
	}
	cpu, memory := value(d.is.Cpu), value(d.is.Memory)
	if o.Cpu != nil {
		cpu = *o.Cpu
	}
	if o.Memory != nil {
		memory = *o.Memory
	}
	if !fargateFits(cpu, memory) {
		return refuse("InvalidParameterException", "No Fargate configuration exists for given values: %s CPU, %s memory. See the Amazon ECS documentation for the valid values.", cpu, memory)
	}
	return nil
}

// constrain takes the constraints of the call and of the definition.
func (p *taskPlan) constrain(in *ecs.RunTaskInput) error {
	const most = 10
	if n := len(in.PlacementConstraints) + len(p.definition.is.PlacementConstraints); n > most {
		return refuse("InvalidParameterException", "At most %d placement constraints are allowed, the definition's included; there are %d.", most, n)
	}
	var texts []string
	for _, c := range p.definition.is.PlacementConstraints {
		texts = append(texts, value(c.Expression))
	}
	for _, c := range in.PlacementConstraints {
		switch c.Type {
		case types.PlacementConstraintTypeDistinctInstance:
			p.distinct = true
		case types.PlacementConstraintTypeMemberOf:
			texts = append(texts, value(c.Expression))
		default:
			return refuse("InvalidParameterException", "Placement constraint type should be one of [memberOf,distinctInstance], not %q.", c.Type)
		}
	}
	for _, text := range texts {
		if text == "" {
			return refuse("InvalidParameterException", "Placement constraint expression must not be empty.")
		}
		e, err := parseExpression(text)
		if err != nil {
			return err
		}
		p.where = append(p.where, e)
	}
	return nil
}
