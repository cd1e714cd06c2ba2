package engine

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// elsewhere is what ECS itself needs to know of a task.
func (e *Engine) elsewhere(ctx context.Context, j batch.Job, w work) (compute.Elsewhere, error) {
	env, err := e.Records.ViewEnvironment(ctx, j.Placement.Environment)
	if err != nil {
		return compute.Elsewhere{}, err
	}
	out := compute.Elsewhere{Environment: env.Name(), Settings: env.Detail.ComputeResources, Arch: w.Arch()}
	if w.Ecs == nil {
		c := w.Container
		out.JobRole, out.ExecutionRole = deref(c.JobRoleArn), deref(c.ExecutionRoleArn)
		if f := c.FargatePlatformConfiguration; f != nil {
			out.PlatformVersion = deref(f.PlatformVersion)
		}
		if s := c.EphemeralStorage; s != nil {
			out.EphemeralGiB = deref(s.SizeInGiB)
		}
		out.AssignPublicIP = publicIP(c.NetworkConfiguration)
		out.ExecuteCommand = deref(c.EnableExecuteCommand)
		return out, nil
	}
	for _, t := range w.Ecs.TaskProperties[:min(1, len(w.Ecs.TaskProperties))] {
		out.JobRole, out.ExecutionRole = deref(t.TaskRoleArn), deref(t.ExecutionRoleArn)
		out.PlatformVersion = deref(t.PlatformVersion)
		if s := t.EphemeralStorage; s != nil {
			out.EphemeralGiB = deref(s.SizeInGiB)
		}
		out.AssignPublicIP = publicIP(t.NetworkConfiguration)
		out.ExecuteCommand = deref(t.EnableExecuteCommand)
		out.IPCMode, out.PIDMode = deref(t.IpcMode), deref(t.PidMode)
	}
	return out, nil
}

func publicIP(c *types.NetworkConfiguration) bool {
	return c != nil && c.AssignPublicIp == types.AssignPublicIpEnabled
}
