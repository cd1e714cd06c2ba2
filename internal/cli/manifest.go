package cli

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/internal/cli/strict"
)

// manifest is what an apply file says should exist. Each part has the shape of the
// request that creates it, as the AWS documentation and the AWS CLI have it.
type manifest struct {
	SchedulingPolicies  []batch.CreateSchedulingPolicyInput
	ComputeEnvironments []batch.CreateComputeEnvironmentInput
	JobQueues           []batch.CreateJobQueueInput
	JobDefinitions      []batch.RegisterJobDefinitionInput
}

// kind is a sort of resource, as it is called in what apply prints.
type kind string

const (
	policyKind      kind = "policy"
	environmentKind kind = "environment"
	queueKind       kind = "queue"
	definitionKind  kind = "definition"
)

// parseManifest reads the YAML documents or the JSON of a file. file is what to call
// it in errors. Several documents add up.
func parseManifest(file string, data []byte) (manifest, error) {
	var all manifest
	for _, doc := range strict.Documents(data) {
		var m manifest
		if err := strict.Decode(doc, &m); err != nil {
			return manifest{}, usage("%s: %s", file, err).
				hint("the keys are computeEnvironments, jobQueues, jobDefinitions and schedulingPolicies, with the members that the AWS CLI takes")
		}
		all.SchedulingPolicies = append(all.SchedulingPolicies, m.SchedulingPolicies...)
		all.ComputeEnvironments = append(all.ComputeEnvironments, m.ComputeEnvironments...)
		all.JobQueues = append(all.JobQueues, m.JobQueues...)
		all.JobDefinitions = append(all.JobDefinitions, m.JobDefinitions...)
	}
	return all, all.check(file)
}

// check refuses resources without a name, and two of the same one.
func (m manifest) check(file string) error {
	seen := map[string]bool{}
	n := 0
	one := func(k kind, list, member string, index int, name *string) error {
		n++
		if aws.ToString(name) == "" {
			return usage("%s: %s[%d] has no %s", file, list, index, member)
		}
		key := fmt.Sprintf("%s/%s", k, *name)
		if seen[key] {
			return usage("%s: there are two of %s", file, key).hint("leave one of them out")
		}
		seen[key] = true
		return nil
	}
	for i, p := range m.SchedulingPolicies {
		if err := one(policyKind, "schedulingPolicies", "name", i, p.Name); err != nil {
			return err
		}
	}
	for i, e := range m.ComputeEnvironments {
		if err := one(environmentKind, "computeEnvironments", "computeEnvironmentName", i, e.ComputeEnvironmentName); err != nil {
			return err
		}
	}
	for i, q := range m.JobQueues {
		if err := one(queueKind, "jobQueues", "jobQueueName", i, q.JobQueueName); err != nil {
			return err
		}
	}
	for i, d := range m.JobDefinitions {
		if err := one(definitionKind, "jobDefinitions", "jobDefinitionName", i, d.JobDefinitionName); err != nil {
			return err
		}
	}
	if n == 0 {
		return usage("%s: there is nothing in it", file).
			hint("write computeEnvironments, jobQueues, jobDefinitions or schedulingPolicies")
	}
	return nil
}
