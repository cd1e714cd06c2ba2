package control

import (
	"cmp"
	"context"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// What AWS Batch says of an environment and a queue that are well.
const (
	environmentHealthy = "ComputeEnvironment Healthy"
	queueHealthy       = "JobQueue Healthy"
)

// alreadyExists is AWS's text for a name that is taken.
func alreadyExists(next string) error { return refuse("Object already exists", next) }

// CreateComputeEnvironment makes a compute environment, which is VALID when the call
// returns.
func (c *Control) CreateComputeEnvironment(ctx context.Context, in *awsbatch.CreateComputeEnvironmentInput) (*awsbatch.CreateComputeEnvironmentOutput, error) {
	detail, err := newEnvironment(in, c.cfg.Types)
	if err != nil {
		return nil, err
	}
	c.completeEnvironment(&detail)
	env := store.Environment{Detail: detail, CreatedAt: c.now()}
	err = c.cfg.Records.Write(ctx, c.cfg.Records.PutEnvironment(env))
	if store.IsConflict(err) {
		err = alreadyExists("change it with UpdateComputeEnvironment, or choose another computeEnvironmentName")
	}
	if err != nil {
		return nil, err
	}
	c.kick()
	return &awsbatch.CreateComputeEnvironmentOutput{
		ComputeEnvironmentName: detail.ComputeEnvironmentName,
		ComputeEnvironmentArn:  detail.ComputeEnvironmentArn,
	}, nil
}

// newEnvironment checks a request for an environment and returns what was asked for.
func newEnvironment(in *awsbatch.CreateComputeEnvironmentInput, known TypeSource) (types.ComputeEnvironmentDetail, error) {
	d := types.ComputeEnvironmentDetail{
		ComputeEnvironmentName: in.ComputeEnvironmentName,
		Type:                   in.Type,
		State:                  types.CEStateEnabled,
		Context:                in.Context,
		ServiceRole:            in.ServiceRole,
		UnmanagedvCpus:         in.UnmanagedvCpus,
		Tags:                   nonNil(in.Tags),
	}
	err := checkName("Compute Environment", deref(in.ComputeEnvironmentName))
	if err == nil {
		err = batch.CheckTags(in.Tags)
	}
	if err == nil {
		d.Type, err = oneOf("type", in.Type, types.CETypeManaged, types.CETypeUnmanaged)
	}
	if err == nil && in.State != "" {
		d.State, err = oneOf("state", in.State, types.CEStateEnabled, types.CEStateDisabled)
	}
	switch {
	case err != nil:
		return d, err
	case d.State == types.CEStateDisabled:
		return d, refuse("Compute Environment must be created in ENABLED state.",
			"create it without state, then disable it with UpdateComputeEnvironment")
	case in.EksConfiguration != nil:
		return d, unsupported("eksConfiguration", "leave it out to make an environment for ECS")
	case d.Type == types.CETypeUnmanaged:
		d.ComputeResources = in.ComputeResources
		return d, cmp.Or(checkUnmanaged(in), batch.CheckEnvironmentTags(in.Tags, false))
	case in.UnmanagedvCpus != nil:
		return d, unmanagedVCPUsOnManaged()
	case in.ComputeResources == nil:
		return d, refuse("computeResources must be provided for a MANAGED compute environment",
			"set computeResources with type, maxvCpus, subnets and securityGroupIds; for EC2 and SPOT also instanceRole, instanceTypes and minvCpus")
	}
	resources, err := canonicalResources(*in.ComputeResources)
	if err == nil {
		err = checkResources(resources, known)
	}
	if err == nil {
		err = batch.CheckEnvironmentTags(in.Tags, !isFargate(resources.Type))
	}
	d.ComputeResources = &resources
	return d, err
}

func unmanagedVCPUsOnManaged() error {
	return refuse("unmanagedvCpus is not applicable for managed Compute Environments.",
		"leave it out; computeResources.maxvCpus bounds a managed environment")
}

// checkUnmanaged checks what an environment needs into which others bring the hosts.
func checkUnmanaged(in *awsbatch.CreateComputeEnvironmentInput) error {
	role := deref(in.ServiceRole)
	switch {
	case in.ComputeResources != nil && isFargate(types.CRType(strings.ToUpper(string(in.ComputeResources.Type)))):
		return refuse("Cannot create an UNMANAGED Fargate Compute Environment.", "use type MANAGED")
	case role == "":
		return refuse("ServiceRole is required.",
			"set serviceRole; AWS Batch demands it of UNMANAGED environments, here any role will do, for example AWSBatchServiceRole")
	case isServiceLinked(role):
		return refuse("Service Linked Role cannot be used with UNMANAGED Compute Environment",
			"set serviceRole to a role of your own, for example AWSBatchServiceRole")
	case deref(in.UnmanagedvCpus) < 0:
		return batch.Invalid("unmanagedvCpus should be greater than or equal to 0.")
	}
	return nil
}

// serviceLinkedPath is part of the ARN of the role that AWS Batch makes for itself.
const serviceLinkedPath = "role/aws-service-role/batch.amazonaws.com/"

func isServiceLinked(role string) bool { return strings.Contains(role, serviceLinkedPath) }

// completeEnvironment adds what AWS Batch adds to a new environment. It leaves out
// what AWS leaves out (allocationStrategy, bidPercentage, updatePolicy): Terraform
// would take it for a change.
func (c *Control) completeEnvironment(d *types.ComputeEnvironmentDetail) {
	name, uuid := deref(d.ComputeEnvironmentName), c.cfg.NewUUID()
	d.Uuid = &uuid
	d.ComputeEnvironmentArn = new(c.cfg.Account.ARN(KindEnvironment, name))
	d.EcsClusterArn = new(c.cfg.Account.ECS("cluster/" + name + "_Batch_" + uuid))
	d.ContainerOrchestrationType = types.OrchestrationTypeEcs
	d.Status, d.StatusReason = types.CEStatusValid, new(environmentHealthy)
	if deref(d.ServiceRole) == "" {
		d.ServiceRole = new("arn:aws:iam::" + c.cfg.Account.ID + ":" + serviceLinkedPath + "AWSServiceRoleForBatch")
	}
	if d.Type == types.CETypeManaged && !isFargate(d.ComputeResources.Type) {
		completeResources(d.ComputeResources, c.cfg.Types)
	}
}

// completeResources adds the defaults of an environment with hosts.
func completeResources(r *types.ComputeResource, known TypeSource) {
	if r.DesiredvCpus == nil {
		r.DesiredvCpus = new(deref(r.MinvCpus))
	}
	if len(r.Ec2Configuration) == 0 {
		r.Ec2Configuration = []types.Ec2Configuration{{ImageType: new(defaultImage(r.InstanceTypes, known))}}
	}
}

// defaultImage is the image type that AWS Batch chooses since January 2026.
func defaultImage(instanceTypes []string, known TypeSource) string {
	if known == nil {
		return "ECS_AL2023"
	}
	found, _ := known.Expand(instanceTypes)
	for _, t := range found {
		if t.GPUs == 0 {
			return "ECS_AL2023"
		}
	}
	if len(found) == 0 {
		return "ECS_AL2023"
	}
	return "ECS_AL2023_NVIDIA"
}

// DescribeComputeEnvironments returns the environments that are named, those of them
// that exist, or a page of all by name.
func (c *Control) DescribeComputeEnvironments(ctx context.Context, in *awsbatch.DescribeComputeEnvironmentsInput) (*awsbatch.DescribeComputeEnvironmentsOutput, error) {
	found, next, err := describe(ctx, describing[store.Environment]{
		list: "ComputeEnvironments", names: in.ComputeEnvironments, maxResults: in.MaxResults, nextToken: in.NextToken,
		kind: KindEnvironment, one: c.cfg.Records.Environment, all: c.cfg.Records.Environments, name: store.Environment.Name,
	})
	if err != nil {
		return nil, err
	}
	out := &awsbatch.DescribeComputeEnvironmentsOutput{
		ComputeEnvironments: make([]types.ComputeEnvironmentDetail, 0, len(found)), NextToken: next,
	}
	for _, env := range found {
		out.ComputeEnvironments = append(out.ComputeEnvironments, c.showEnvironment(ctx, env))
	}
	return out, nil
}

// showEnvironment returns an environment as this account shows it, with the vCPUs it
// really has.
func (c *Control) showEnvironment(ctx context.Context, env store.Environment) types.ComputeEnvironmentDetail {
	d := env.Detail
	d.ComputeEnvironmentArn = new(c.cfg.Account.ARN(KindEnvironment, env.Name()))
	d.EcsClusterArn = new(c.cfg.Account.ECS("cluster/" + env.Cluster()))
	if d.ComputeResources != nil && d.Type == types.CETypeManaged && !isFargate(d.ComputeResources.Type) {
		resources := *d.ComputeResources
		resources.DesiredvCpus = new(c.desiredVCPUs(ctx, env))
		d.ComputeResources = &resources
	}
	return d
}

// desiredVCPUs is what the engine makes of an environment, or what was asked for.
func (c *Control) desiredVCPUs(ctx context.Context, env store.Environment) int32 {
	if c.cfg.DesiredVCPUs != nil {
		if vcpus, ok := c.cfg.DesiredVCPUs(ctx, env); ok {
			return vcpus
		}
	}
	return deref(env.Detail.ComputeResources.DesiredvCpus)
}

// UpdateComputeEnvironment changes an environment. Jobs that run in it go on; when
// the hosts themselves must change, they are replaced one by one.
func (c *Control) UpdateComputeEnvironment(ctx context.Context, in *awsbatch.UpdateComputeEnvironmentInput) (*awsbatch.UpdateComputeEnvironmentOutput, error) {
	var env store.Environment
	var queues []string
	err := untilWritten("compute environment "+deref(in.ComputeEnvironment), func() error {
		current, err := c.environmentByRef(ctx, deref(in.ComputeEnvironment))
		if err != nil {
			return err
		}
		if queues, err = c.queuesUsing(ctx, current.Name()); err != nil {
			return err
		}
		now := updateNow{Types: c.cfg.Types, At: c.now()}
		if current.Detail.ComputeResources != nil {
			now.VCPUs = c.desiredVCPUs(ctx, current)
		}
		if env, err = updatedEnvironment(current, in, now); err != nil {
			return err
		}
		return c.cfg.Records.Write(ctx, c.cfg.Records.PutEnvironment(env))
	})
	if err != nil {
		return nil, err
	}
	c.kick(queues...)
	return &awsbatch.UpdateComputeEnvironmentOutput{
		ComputeEnvironmentName: env.Detail.ComputeEnvironmentName,
		ComputeEnvironmentArn:  new(c.cfg.Account.ARN(KindEnvironment, env.Name())),
	}, nil
}

// DeleteComputeEnvironment begins to delete an environment that is DISABLED and in no
// queue. It is gone when its last host is.
func (c *Control) DeleteComputeEnvironment(ctx context.Context, in *awsbatch.DeleteComputeEnvironmentInput) (*awsbatch.DeleteComputeEnvironmentOutput, error) {
	var env store.Environment
	err := untilWritten("compute environment "+deref(in.ComputeEnvironment), func() error {
		current, err := c.environmentByRef(ctx, deref(in.ComputeEnvironment))
		if err != nil {
			return err
		}
		queues, err := c.queuesUsing(ctx, current.Name())
		switch {
		case err != nil:
			return err
		case current.Detail.Status == types.CEStatusDeleting:
			return nil
		case len(queues) > 0:
			return refuse("Cannot delete, found existing JobQueue relationship",
				"delete job queue "+strings.Join(queues, ", ")+" first, or take the environment out of its computeEnvironmentOrder with UpdateJobQueue")
		case current.Detail.State != types.CEStateDisabled:
			return refuse("Cannot delete, compute environment "+current.Name()+" must be DISABLED first.",
				"call UpdateComputeEnvironment with state DISABLED, then delete it")
		}
		env = current
		env.Detail.Status, env.Detail.StatusReason = types.CEStatusDeleting, nil
		return c.cfg.Records.Write(ctx, c.cfg.Records.PutEnvironment(env))
	})
	if err != nil {
		return nil, err
	}
	c.kick()
	// What keeps the environment is found out again by FinishDeletes; that it is to
	// go is recorded, and that was the request.
	if name := env.Name(); name != "" {
		_ = c.finishEnvironment(ctx, name)
	}
	return &awsbatch.DeleteComputeEnvironmentOutput{}, nil
}
