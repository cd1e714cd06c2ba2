package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// action is what apply has to do about a resource.
type action string

const (
	create    action = "create"
	update    action = "update"
	register  action = "register" // a further revision of a job definition
	unchanged action = "unchanged"
)

// change is what apply found out about one resource of the file. It leaves nothing to
// decide: it can be printed, or carried out.
type change struct {
	kind   kind
	name   string
	action action
	want   tree   // the request that creates it
	have   tree   // what the server has, as far as the file speaks of it; nil if nothing
	arn    string // of what the server has
	update tree   // for update: the members that differ, without tags
	tags   map[string]string
	fixed  []string // members that differ and cannot be changed
	needs  []string // resources that must be there first: "environment/spot"
	busy   bool     // the server has not finished the last change of it
}

func (c change) key() string { return fmt.Sprintf("%s/%s", c.kind, c.name) }

// diff shows what will change, as a unified difference.
func (c change) diff(file string) string {
	old := c.key() + " (server)"
	if c.have == nil {
		old = "/dev/null"
	}
	return unified(old, c.key()+" ("+file+")", treeText(c.have), treeText(c.stated()))
}

// stated is what the file says, to be set against have: all of it for what is to be
// made, else what counts as a difference.
func (c change) stated() tree {
	if c.have != nil {
		return c.shown()
	}
	out := maps.Clone(c.want)
	for _, k := range []string{"name", "computeEnvironmentName", "jobQueueName", "jobDefinitionName"} {
		delete(out, k)
	}
	return out
}

// shown is want in the form in which it is compared with have.
func (c change) shown() tree {
	switch c.kind {
	case policyKind:
		return comparablePolicy(c.want)
	case environmentKind:
		return comparableEnvironment(c.want)
	case queueKind:
		return comparableQueue(c.want)
	}
	return comparableDefinition(c.want)
}

// present is what the server has of the resources that a manifest names.
type present struct {
	policies     map[string]types.SchedulingPolicyDetail
	environments map[string]types.ComputeEnvironmentDetail
	queues       map[string]types.JobQueueDetail
	definitions  map[string]types.JobDefinition // the latest active revision
}

// plan compares a manifest with what is there. The changes come in the order in which
// they must be made: policies and environments, then the queues that use them.
func plan(m manifest, p present) ([]change, error) {
	var out []change
	for _, in := range m.SchedulingPolicies {
		have, ok := p.policies[aws.ToString(in.Name)]
		c, err := compareWith(policyKind, aws.ToString(in.Name), in, have, ok)
		if err != nil {
			return nil, err
		}
		c.arn = aws.ToString(have.Arn)
		out = append(out, c)
	}
	for _, in := range m.ComputeEnvironments {
		have, ok := p.environments[aws.ToString(in.ComputeEnvironmentName)]
		c, err := compareWith(environmentKind, aws.ToString(in.ComputeEnvironmentName), in, have, ok)
		if err != nil {
			return nil, err
		}
		c.arn = aws.ToString(have.ComputeEnvironmentArn)
		c.busy = ok && have.Status != types.CEStatusValid && have.Status != types.CEStatusInvalid
		out = append(out, c)
	}
	for _, in := range m.JobQueues {
		have, ok := p.queues[aws.ToString(in.JobQueueName)]
		c, err := compareWith(queueKind, aws.ToString(in.JobQueueName), in, have, ok)
		if err != nil {
			return nil, err
		}
		c.arn = aws.ToString(have.JobQueueArn)
		c.busy = ok && have.Status != types.JQStatusValid && have.Status != types.JQStatusInvalid
		for _, e := range in.ComputeEnvironmentOrder {
			c.needs = append(c.needs, fmt.Sprintf("%s/%s", environmentKind, shortName(aws.ToString(e.ComputeEnvironment))))
		}
		if policy := shortName(aws.ToString(in.SchedulingPolicyArn)); policy != "" {
			c.needs = append(c.needs, fmt.Sprintf("%s/%s", policyKind, policy))
		}
		out = append(out, c)
	}
	for _, in := range m.JobDefinitions {
		have, ok := p.definitions[aws.ToString(in.JobDefinitionName)]
		c, err := compareWith(definitionKind, aws.ToString(in.JobDefinitionName), in, have, ok)
		if err != nil {
			return nil, err
		}
		c.arn = aws.ToString(have.JobDefinitionArn)
		out = append(out, c)
	}
	return out, nil
}

// compareWith finds out what to do about one resource.
func compareWith(k kind, name string, in, have any, exists bool) (change, error) {
	want, err := toTree(in)
	if err != nil {
		return change{}, err
	}
	c := change{kind: k, name: name, action: create, want: want}
	if !exists {
		return c, nil
	}
	server, err := toTree(have)
	if err != nil {
		return change{}, err
	}
	switch shown := c.shown(); k {
	case definitionKind:
		// A revision is registered as a whole, so what the file leaves out counts too.
		c.have = comparableDefinition(server)
		c.action = unchanged
		if !sameTree(shown, c.have) {
			c.action = register
		}
	case policyKind:
		// Here the body is replaced as a whole; tags are added to.
		c.have = comparablePolicy(server)
		c.splitTags(shown)
		c.settle(shown, nil)
	case environmentKind:
		c.have = only(shown, comparableEnvironment(server)).(tree)
		c.splitTags(shown)
		c.settle(shown, []string{"type", "eksConfiguration"})
		c.narrowResources(shown)
	case queueKind:
		c.have = only(shown, comparableQueue(server)).(tree)
		c.splitTags(shown)
		c.settle(shown, []string{"jobQueueType"})
	}
	return c, nil
}

// splitTags sets apart the tags that differ: they have an operation of their own, which
// adds to the tags that are there.
func (c *change) splitTags(shown tree) {
	want, _ := shown["tags"].(tree)
	have, _ := c.have["tags"].(tree)
	if c.kind == policyKind && have != nil { // compared as a whole otherwise
		c.have["tags"] = only(orTree(want), have)
		if want == nil {
			delete(c.have, "tags")
		}
	}
	for k, v := range changed(want, have) {
		if c.tags == nil {
			c.tags = map[string]string{}
		}
		c.tags[k] = fmt.Sprint(v)
	}
}

func orTree(t tree) tree {
	if t == nil {
		return tree{}
	}
	return t
}

// settle decides between update and unchanged. fixed are members that no operation
// changes.
func (c *change) settle(shown tree, fixed []string) {
	c.update = changed(shown, c.have)
	if c.kind == policyKind { // members that are only on the server would go away
		for k := range c.have {
			if _, ok := shown[k]; !ok {
				c.update[k] = nil
			}
		}
	}
	delete(c.update, "tags")
	for _, k := range fixed {
		if _, ok := c.update[k]; ok {
			c.fixed = append(c.fixed, k)
		}
	}
	c.action = unchanged
	if len(c.update) > 0 || len(c.tags) > 0 {
		c.action = update
	}
}

// narrowResources leaves in the update of an environment only those of its compute
// resources that differ: AWS decides by what is mentioned whether instances have to be
// replaced.
func (c *change) narrowResources(shown tree) {
	want, ok := c.update["computeResources"].(tree)
	if !ok {
		return
	}
	have, _ := c.have["computeResources"].(tree)
	differ := changed(want, have)
	if _, ok := differ["spotIamFleetRole"]; ok {
		c.fixed = append(c.fixed, "computeResources.spotIamFleetRole")
	}
	c.update["computeResources"] = differ
}

// comparablePolicy leaves the body and the tags of a policy. A weight of 1 is the
// default.
func comparablePolicy(t tree) tree {
	out := copyTree(t)
	each(out, "shareDistribution", func(list any) {
		sortBy(list, "shareIdentifier")
		items, _ := list.([]any)
		for _, item := range items {
			if m, ok := item.(tree); ok && fmt.Sprint(m["weightFactor"]) == "1" {
				delete(m, "weightFactor")
			}
		}
	})
	return pickTree(prunedTree(out), "fairsharePolicy", "quotaSharePolicy", "tags")
}

// comparableEnvironment leaves what a request can say about an environment, but for
// desiredvCpus: it is where an environment starts, and the service moves it on.
func comparableEnvironment(t tree) tree {
	out := pickTree(copyTree(t), "type", "state", "computeResources", "serviceRole", "unmanagedvCpus", "eksConfiguration", "context", "tags")
	if r, ok := out["computeResources"].(tree); ok {
		delete(r, "desiredvCpus")
	}
	return out
}

// comparableQueue leaves what a request can say about a queue, environments and policy
// by their names.
func comparableQueue(t tree) tree {
	out := pickTree(copyTree(t), "state", "priority", "computeEnvironmentOrder", "serviceEnvironmentOrder",
		"schedulingPolicyArn", "jobStateTimeLimitActions", "jobQueueType", "tags")
	sortBy(out["computeEnvironmentOrder"], "order")
	if list, ok := out["computeEnvironmentOrder"].([]any); ok {
		for _, item := range list {
			if m, ok := item.(tree); ok {
				m["computeEnvironment"] = shortName(fmt.Sprint(m["computeEnvironment"]))
			}
		}
	}
	if arn, ok := out["schedulingPolicyArn"].(string); ok {
		out["schedulingPolicyArn"] = shortName(arn)
	}
	return out
}

// comparableDefinition leaves what a request can say about a definition, without what
// the service adds and in the order of names where it may reorder.
func comparableDefinition(t tree) tree {
	out := copyTree(t)
	for _, k := range []string{"jobDefinitionName", "jobDefinitionArn", "revision", "status", "containerOrchestrationType"} {
		delete(out, k)
	}
	if sameTree(out["platformCapabilities"], []any{"EC2"}) {
		delete(out, "platformCapabilities")
	}
	each(out, "environment", func(list any) { sortBy(list, "name") })
	each(out, "secrets", func(list any) { sortBy(list, "name") })
	each(out, "resourceRequirements", func(list any) { sortBy(list, "type") })
	each(out, "evaluateOnExit", func(list any) {
		items, _ := list.([]any)
		for _, item := range items {
			if m, ok := item.(tree); ok {
				m["action"] = strings.ToUpper(fmt.Sprint(m["action"]))
			}
		}
	})
	each(out, "containers", func(list any) {
		items, _ := list.([]any)
		for _, item := range items {
			if m, ok := item.(tree); ok && m["essential"] == true {
				delete(m, "essential")
			}
		}
	})
	dropDefault(out, "fargatePlatformConfiguration", tree{"platformVersion": "LATEST"})
	dropDefault(out, "networkConfiguration", tree{"assignPublicIp": "DISABLED"})
	dropEmptyVariables(out)
	return prunedTree(out)
}

// dropDefault leaves out a member, at any depth, where it says what its absence says.
func dropDefault(v any, member string, value any) {
	switch x := v.(type) {
	case tree:
		if sameTree(x[member], value) {
			delete(x, member)
		}
		for _, inner := range x {
			dropDefault(inner, member, value)
		}
	case []any:
		for _, item := range x {
			dropDefault(item, member, value)
		}
	}
}

// dropEmptyVariables leaves out environment variables without a value, as AWS does.
func dropEmptyVariables(v any) {
	switch x := v.(type) {
	case tree:
		if list, ok := x["environment"].([]any); ok {
			x["environment"] = slices.DeleteFunc(list, func(item any) bool {
				m, ok := item.(tree)
				return ok && (m["value"] == nil || m["value"] == "")
			})
		}
		for _, member := range x {
			dropEmptyVariables(member)
		}
	case []any:
		for _, item := range x {
			dropEmptyVariables(item)
		}
	}
}

// pickTree returns the members of t that are named.
func pickTree(t tree, names ...string) tree {
	out := maps.Clone(t)
	maps.DeleteFunc(out, func(k string, _ any) bool { return !slices.Contains(names, k) })
	return out
}

// copyTree returns a tree that shares nothing with t.
func copyTree(t tree) tree {
	var deep func(any) any
	deep = func(v any) any {
		switch x := v.(type) {
		case tree:
			out := make(tree, len(x))
			for k, member := range x {
				out[k] = deep(member)
			}
			return out
		case []any:
			out := make([]any, len(x))
			for i, item := range x {
				out[i] = deep(item)
			}
			return out
		}
		return v
	}
	return deep(t).(tree)
}
