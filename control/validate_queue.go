package control

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// maxEnvironmentsPerQueue is more than the 3 of AWS Batch, a limit that hurts people
// (hashicorp/terraform-provider-aws#20764) and nothing here needs.
const maxEnvironmentsPerQueue = 10

// Priorities of a queue (CloudFormation, AWS::Batch::JobQueue).
const maxQueuePriority = 1000

// Bounds of jobStateTimeLimitActions.maxTimeSeconds (API reference,
// JobStateTimeLimitAction).
const (
	minTimeLimit = 600
	maxTimeLimit = 24 * 60 * 60
)

// timeLimitReasons are the causes of waiting that a jobStateTimeLimitAction may name
// (user guide, "Jobs stuck in a RUNNABLE status"): the statusReason of the waiting
// job up to " - ".
var timeLimitReasons = []string{
	"CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
	"MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
	"MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
	"MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
}

func checkPriority(priority *int32) error {
	switch {
	case priority == nil:
		return refuse("priority is required.", "set priority, for example to 1; queues that share environments are served from the highest")
	case *priority < 0 || *priority > maxQueuePriority:
		return batch.Invalid("priority must be between 0 and %d, got %d.", maxQueuePriority, *priority)
	}
	return nil
}

// checkOrder checks a computeEnvironmentOrder by itself.
func checkOrder(order []types.ComputeEnvironmentOrder) error {
	switch {
	case len(order) == 0:
		return refuse("computeEnvironmentOrder is required.",
			"name at least one compute environment, which CreateComputeEnvironment makes")
	case len(order) > maxEnvironmentsPerQueue:
		return refuse(fmt.Sprintf("Only %d environments are allowed in job queue request.", maxEnvironmentsPerQueue),
			"AWS Batch allows 3; combine some environments into one with more instanceTypes")
	}
	orders, environments := map[int32]bool{}, map[string]bool{}
	for _, o := range order {
		name := batch.NameOf(KindEnvironment, deref(o.ComputeEnvironment))
		switch {
		case name == "" || o.Order == nil:
			return batch.Invalid("computeEnvironment and order are required in each computeEnvironmentOrder.")
		case orders[*o.Order]:
			return refuse("Duplicate ComputeEnvironment order values.", fmt.Sprintf("give each environment an order of its own; %d is there twice", *o.Order))
		case environments[name]:
			return refuse("Duplicate ComputeEnvironments within order list.", name+" is there twice; leave one out")
		}
		orders[*o.Order], environments[name] = true, true
	}
	return nil
}

// checkQueueEnvironments checks the environments that a queue is to be attached to:
// they must be valid, of one platform unless the queue may have both, and of one
// architecture. It returns the type of queue that they make: with both platforms ECS.
func checkQueueEnvironments(envs []store.Environment, known TypeSource, both bool) (types.JobQueueType, error) {
	queueType, arch := types.JobQueueTypeEcs, ""
	for i, env := range envs {
		if env.Detail.Status != types.CEStatusValid {
			return "", refuse("Compute Environments must be created and valid before attaching them to a job queue",
				fmt.Sprintf("%s is %s", env.Name(), env.Detail.Status))
		}
		platform, itsArch := capacityOf(env, known)
		if i > 0 && platform != queueType && !both {
			return "", refuse("Fargate and EC2 compute environments can not be mixed.",
				fmt.Sprintf("make a queue for each; or, which AWS Batch has not, create the queue with the tag %s = %s or %s",
					batch.TagEnvironments, batch.EnvironmentsCheapest, batch.EnvironmentsSoonest))
		}
		if i == 0 || platform == types.JobQueueTypeEcs {
			queueType = platform
		}
		if arch != "" && itsArch != "" && itsArch != arch {
			return "", refuse("Compute environments of different architectures can not be mixed.",
				fmt.Sprintf("%s is %s, those before it are %s: make a queue for each", env.Name(), itsArch, arch))
		}
		if arch == "" {
			arch = itsArch
		}
	}
	return queueType, nil
}

// capacityOf returns the platform of an environment and its architecture, "" where
// it has none of its own: Fargate, and hosts that others bring.
func capacityOf(env store.Environment, known TypeSource) (types.JobQueueType, string) {
	r := env.Detail.ComputeResources
	switch {
	case r == nil || env.Detail.Type == types.CETypeUnmanaged:
		return types.JobQueueTypeEcs, ""
	case isFargate(r.Type):
		return types.JobQueueTypeEcsFargate, ""
	case known == nil:
		return types.JobQueueTypeEcs, ""
	}
	if found, _ := known.Expand(r.InstanceTypes); len(found) > 0 {
		return types.JobQueueTypeEcs, found[0].Arch
	}
	return types.JobQueueTypeEcs, ""
}

// checkQueueType checks the type that a request gives to a queue, "" for none,
// against the one that its environments make.
func checkQueueType(asked, made types.JobQueueType) error {
	if asked == "" {
		return nil
	}
	asked, err := oneOf("jobQueueType", asked, types.JobQueueTypeEcs, types.JobQueueTypeEcsFargate,
		types.JobQueueTypeEks, types.JobQueueTypeSagemakerTraining)
	switch {
	case err != nil:
		return err
	case asked == types.JobQueueTypeSagemakerTraining:
		return unsupported("jobQueueType SAGEMAKER_TRAINING", "use a queue with a computeEnvironmentOrder")
	case asked != made:
		return refuse(fmt.Sprintf("%s job queue type must have %[1]s compute environment.", asked),
			"leave jobQueueType out, or attach such environments")
	}
	return nil
}

// checkTimeLimits checks jobStateTimeLimitActions and returns them with canonical
// enumerations.
func checkTimeLimits(actions []types.JobStateTimeLimitAction) ([]types.JobStateTimeLimitAction, error) {
	checked := make([]types.JobStateTimeLimitAction, 0, len(actions))
	seen := map[string]bool{}
	for _, a := range actions {
		reason := deref(a.Reason)
		switch {
		case !strings.EqualFold(string(a.State), string(types.JobStateTimeLimitActionsStateRunnable)):
			return nil, refuse("Invalid job state. Valid job states: [RUNNABLE]", "set state to RUNNABLE in each of jobStateTimeLimitActions")
		case !strings.EqualFold(string(a.Action), string(types.JobStateTimeLimitActionsActionCancel)):
			return nil, refuse("Invalid job action. Valid job actions: [CANCEL]", "set action to CANCEL in each of jobStateTimeLimitActions")
		case !slices.Contains(timeLimitReasons, reason):
			return nil, refuse("Invalid job reason", fmt.Sprintf("%q is not one of %s", reason, strings.Join(timeLimitReasons, ", ")))
		case a.MaxTimeSeconds == nil || *a.MaxTimeSeconds < minTimeLimit || *a.MaxTimeSeconds > maxTimeLimit:
			return nil, batch.Invalid("maxTimeSeconds must be between %d and %d, got %d.", minTimeLimit, maxTimeLimit, deref(a.MaxTimeSeconds))
		case seen[reason]:
			return nil, refuse("Duplicate job state limit actions are not allowed.", reason+" is there twice; leave one out")
		}
		seen[reason] = true
		a.State, a.Action = types.JobStateTimeLimitActionsStateRunnable, types.JobStateTimeLimitActionsActionCancel
		checked = append(checked, a)
	}
	return checked, nil
}

// noServiceEnvironments refuses what only SageMaker queues have.
func noServiceEnvironments(order []types.ServiceEnvironmentOrder) error {
	if len(order) == 0 {
		return nil
	}
	return unsupported("serviceEnvironmentOrder (SageMaker)", "use computeEnvironmentOrder")
}
