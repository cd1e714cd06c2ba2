package control_test

import (
	"context"
	"slices"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/store"
)

type updateEnvironment = awsbatch.UpdateComputeEnvironmentInput

func TestUpdateComputeEnvironment(t *testing.T) {
	customRole := func(in *awsbatch.CreateComputeEnvironmentInput) { in.ServiceRole = new("arn:aws:iam::1:role/mine") }
	bestFit := resources(func(r *types.ComputeResource) { r.AllocationStrategy = "" })
	update := func(change func(*types.ComputeResourceUpdate)) updateEnvironment {
		r := &types.ComputeResourceUpdate{}
		change(r)
		return updateEnvironment{ComputeResources: r}
	}
	maxTo := func(n int32) updateEnvironment {
		return update(func(r *types.ComputeResourceUpdate) { r.MaxvCpus = &n })
	}
	types64 := update(func(r *types.ComputeResourceUpdate) { r.InstanceTypes = []string{"c6i"} })
	const (
		scaled   = "scaled"   // served, hosts stay
		replaced = "replaced" // served, hosts are replaced
	)
	onlyEC2 := func(fields string) string {
		return "Following fields [" + fields + "] can be updated only for Non-fargate Compute Environment having a Batch Service Linked Role"
	}
	tests := map[string]struct {
		env  []createEnvironment
		up   updateEnvironment
		want string // scaled, replaced, or the message of the refusal
	}{
		"disable":                              {nil, updateEnvironment{State: types.CEStateDisabled}, scaled},
		"an unknown state":                     {nil, updateEnvironment{State: "OFF"}, "state OFF is not valid. Valid values are: [ENABLED, DISABLED]"},
		"raise maxvCpus":                       {nil, maxTo(32), scaled},
		"raise maxvCpus with BEST_FIT":         {[]createEnvironment{bestFit}, maxTo(32), scaled},
		"raise maxvCpus with an own role":      {[]createEnvironment{customRole}, maxTo(32), scaled},
		"raise maxvCpus on Fargate":            {[]createEnvironment{fargate}, maxTo(32), scaled},
		"maxvCpus below minvCpus":              {nil, maxTo(-1), "maxvCpus should be greater than or equal to minvCpus."},
		"minvCpus above maxvCpus":              {nil, update(func(r *types.ComputeResourceUpdate) { r.MinvCpus = new(int32(99)) }), "maxvCpus should be greater than or equal to minvCpus."},
		"raise desiredvCpus":                   {nil, update(func(r *types.ComputeResourceUpdate) { r.DesiredvCpus = new(int32(8)) }), scaled},
		"desiredvCpus above maxvCpus":          {nil, update(func(r *types.ComputeResourceUpdate) { r.DesiredvCpus = new(int32(17)) }), "desiredvCpus should be between minvCpus and maxvCpus."},
		"lower desiredvCpus":                   {nil, update(func(r *types.ComputeResourceUpdate) { r.DesiredvCpus = new(int32(3)) }), "Manually scaling down compute environment is not supported. Disconnecting job queues from compute environment will cause it to scale-down to minvCpus"},
		"computeResources without a member":    {nil, update(func(*types.ComputeResourceUpdate) {}), "At least one compute-resources attribute must be specified"},
		"computeResources on unmanaged":        {[]createEnvironment{unmanaged}, maxTo(1), "computeResources is not applicable for UNMANAGED Compute Environment."},
		"unmanagedvCpus on unmanaged":          {[]createEnvironment{unmanaged}, updateEnvironment{UnmanagedvCpus: new(int32(4))}, scaled},
		"unmanagedvCpus on managed":            {nil, updateEnvironment{UnmanagedvCpus: new(int32(4))}, "unmanagedvCpus is not applicable for managed Compute Environments."},
		"a scale-down delay":                   {nil, update(func(r *types.ComputeResourceUpdate) { r.ScalingPolicy = delay(30) }), scaled},
		"a scale-down delay that is too short": {nil, update(func(r *types.ComputeResourceUpdate) { r.ScalingPolicy = delay(19) }), "minScaleDownDelayMinutes must be between 20 and 10080, got 19."},

		"other instance types":                      {nil, types64, replaced},
		"the same instance types":                   {nil, update(func(r *types.ComputeResourceUpdate) { r.InstanceTypes = []string{"m6i"} }), scaled},
		"other instance types with BEST_FIT":        {[]createEnvironment{bestFit}, types64, "Following fields [instanceTypes] can not be updated for a Compute Environment with allocation strategy BEST_FIT"},
		"other instance types with an own role":     {[]createEnvironment{customRole}, types64, onlyEC2("instanceTypes")},
		"instance types on Fargate":                 {[]createEnvironment{fargate}, types64, onlyEC2("instanceTypes")},
		"instance types that do not exist":          {nil, update(func(r *types.ComputeResourceUpdate) { r.InstanceTypes = []string{"zz"} }), "Instance types [zz] do not exist."},
		"subnets":                                   {nil, update(func(r *types.ComputeResourceUpdate) { r.Subnets = []string{"subnet-2"} }), replaced},
		"subnets on Fargate":                        {[]createEnvironment{fargate, customRole}, update(func(r *types.ComputeResourceUpdate) { r.Subnets = []string{"subnet-2"} }), scaled},
		"subnets with an own role":                  {[]createEnvironment{customRole}, update(func(r *types.ComputeResourceUpdate) { r.Subnets = []string{"subnet-2"} }), onlyEC2("subnets")},
		"no subnets":                                {nil, update(func(r *types.ComputeResourceUpdate) { r.Subnets = []string{} }), "Subnets are required."},
		"from EC2 to Spot":                          {nil, update(func(r *types.ComputeResourceUpdate) { r.Type = "spot" }), replaced},
		"from EC2 to Fargate":                       {nil, update(func(r *types.ComputeResourceUpdate) { r.Type = types.CRTypeFargate }), "Compute resource type can not be updated from EC2 to FARGATE."},
		"from Fargate to Fargate Spot":              {[]createEnvironment{fargate}, update(func(r *types.ComputeResourceUpdate) { r.Type = types.CRTypeFargateSpot }), onlyEC2("type")},
		"to BEST_FIT":                               {nil, update(func(r *types.ComputeResourceUpdate) { r.AllocationStrategy = "BEST_FIT" }), "Allocation strategy BEST_FIT is not supported when updating a compute environment."},
		"to a Spot strategy on EC2":                 {nil, update(func(r *types.ComputeResourceUpdate) { r.AllocationStrategy = "SPOT_CAPACITY_OPTIMIZED" }), "Allocation strategy SPOT_CAPACITY_OPTIMIZED requires compute resource type SPOT."},
		"Spot with another Spot strategy":           {[]createEnvironment{spot}, update(func(r *types.ComputeResourceUpdate) { r.AllocationStrategy = "SPOT_CAPACITY_OPTIMIZED" }), replaced},
		"the newest image":                          {nil, update(func(r *types.ComputeResourceUpdate) { r.UpdateToLatestImageVersion = new(true) }), replaced},
		"other tags of the hosts":                   {nil, update(func(r *types.ComputeResourceUpdate) { r.Tags = map[string]string{"a": "b"} }), replaced},
		"take away a key pair that there never was": {nil, update(func(r *types.ComputeResourceUpdate) { r.Ec2KeyPair = new("") }), scaled},

		"another own role":                       {[]createEnvironment{customRole}, updateEnvironment{ServiceRole: new("arn:aws:iam::1:role/other")}, scaled},
		"from the service-linked to an own role": {nil, updateEnvironment{ServiceRole: new("arn:aws:iam::1:role/other")}, "The service role of a compute environment can not be changed between a service-linked role and another role."},
		"an update policy":                       {nil, updateEnvironment{UpdatePolicy: &types.UpdatePolicy{JobExecutionTimeoutMinutes: new(int64(60))}}, scaled},
		"an update policy of a year":             {nil, updateEnvironment{UpdatePolicy: &types.UpdatePolicy{JobExecutionTimeoutMinutes: new(int64(525600))}}, "jobExecutionTimeoutMinutes must be between 1 and 7200, got 525600."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, func(c *control.Config) {
				c.DesiredVCPUs = func(context.Context, store.Environment) (int32, bool) { return 4, true }
			})
			s.environment(t, "ce", tt.env...)
			s.now = s.now.Add(time.Minute)
			tt.up.ComputeEnvironment = new("ce")
			_, err := s.UpdateComputeEnvironment(t.Context(), &tt.up)
			if tt.want != scaled && tt.want != replaced {
				wantRefused(t, err, tt.want)
				return
			}
			if err != nil {
				t.Fatalf("UpdateComputeEnvironment: %v", err)
			}
			env := must[store.Environment](t)(s.records.Environment(t.Context(), "ce"))
			if got := env.ReplaceBefore == batch.MillisOf(s.now); got != (tt.want == replaced) {
				t.Errorf("hosts are replaced: %t, want %s", got, tt.want)
			}
			if env.Detail.Status != types.CEStatusValid {
				t.Errorf("status = %s, want VALID at once", env.Detail.Status)
			}
		})
	}
}

func delay(minutes int32) *types.ComputeScalingPolicy {
	return &types.ComputeScalingPolicy{MinScaleDownDelayMinutes: &minutes}
}

func TestUpdateChangesOnlyWhatIsSent(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce", resources(func(r *types.ComputeResource) {
		r.Ec2KeyPair, r.ScalingPolicy = new("key"), delay(60)
		r.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateId: new("lt-1")}
	}))
	update := func(up types.ComputeResourceUpdate) types.ComputeResource {
		t.Helper()
		must[*awsbatch.UpdateComputeEnvironmentOutput](t)(s.UpdateComputeEnvironment(t.Context(), &updateEnvironment{
			ComputeEnvironment: new("arn:aws:batch:us-east-1:000000000000:compute-environment/ce"), ComputeResources: &up,
		}))
		return *s.shownEnvironment(t, "ce").ComputeResources
	}
	r := update(types.ComputeResourceUpdate{MinvCpus: new(int32(6))})
	if *r.MinvCpus != 6 || *r.MaxvCpus != 16 || *r.DesiredvCpus != 6 || *r.Ec2KeyPair != "key" || !slices.Equal(r.InstanceTypes, []string{"m6i"}) {
		t.Errorf("after minvCpus 6: min %d, max %d, desired %d, key %s, types %v", *r.MinvCpus, *r.MaxvCpus, *r.DesiredvCpus, *r.Ec2KeyPair, r.InstanceTypes)
	}
	r = update(types.ComputeResourceUpdate{
		Ec2KeyPair: new(""), ScalingPolicy: delay(0), LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: new("")},
	})
	if r.Ec2KeyPair != nil || r.ScalingPolicy != nil || r.LaunchTemplate != nil {
		t.Errorf("empty values left key %v, policy %v, template %v", r.Ec2KeyPair, r.ScalingPolicy, r.LaunchTemplate)
	}
}

func TestUpdatePolicyDefaults(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	must[*awsbatch.UpdateComputeEnvironmentOutput](t)(s.UpdateComputeEnvironment(t.Context(), &updateEnvironment{
		ComputeEnvironment: new("ce"), UpdatePolicy: &types.UpdatePolicy{TerminateJobsOnUpdate: new(true)},
	}))
	if p := s.shownEnvironment(t, "ce").UpdatePolicy; !*p.TerminateJobsOnUpdate || *p.JobExecutionTimeoutMinutes != 30 {
		t.Errorf("updatePolicy = %t, %d minutes, want true, 30", *p.TerminateJobsOnUpdate, *p.JobExecutionTimeoutMinutes)
	}
}

func TestUpdateTellsTheQueuesOfAnEnvironment(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	s.environment(t, "other")
	s.queue(t, "q1")
	s.queue(t, "q2")
	s.queue(t, "q3", func(in *awsbatch.CreateJobQueueInput) { in.ComputeEnvironmentOrder = order("other") })
	s.kicked = nil
	must[*awsbatch.UpdateComputeEnvironmentOutput](t)(s.UpdateComputeEnvironment(t.Context(),
		&updateEnvironment{ComputeEnvironment: new("ce"), State: types.CEStateDisabled}))
	if !slices.Equal(s.kicked, []string{"q1", "q2"}) {
		t.Errorf("kicked %q, want q1 and q2", s.kicked)
	}
}

func TestUpdateEnvironmentThatDoesNotExist(t *testing.T) {
	_, err := newScene(t).UpdateComputeEnvironment(t.Context(), &updateEnvironment{
		ComputeEnvironment: new("arn:aws:batch:us-east-1:000000000000:compute-environment/nope"), State: types.CEStateDisabled,
	})
	wantError(t, err, batch.CodeNotFound, "arn:aws:batch:eu-central-1:123456789012:compute-environment/nope does not exist")
}

func TestUpdateMeetsAnother(t *testing.T) {
	s := newScene(t)
	s.environment(t, "ce")
	change := func(n int32) error {
		_, err := s.UpdateComputeEnvironment(t.Context(), &updateEnvironment{
			ComputeEnvironment: new("ce"), ComputeResources: &types.ComputeResourceUpdate{MaxvCpus: &n},
		})
		return err
	}
	t.Run("both changes are made", func(t *testing.T) {
		s.table.before = []func(){func() {
			must[*awsbatch.TagResourceOutput](t)(s.TagResource(t.Context(), &awsbatch.TagResourceInput{
				ResourceArn: new("arn:aws:batch:eu-central-1:123456789012:compute-environment/ce"), Tags: map[string]string{"a": "b"},
			}))
		}}
		if err := change(32); err != nil {
			t.Fatal(err)
		}
		d := s.shownEnvironment(t, "ce")
		if *d.ComputeResources.MaxvCpus != 32 || d.Tags["a"] != "b" {
			t.Errorf("maxvCpus %d, tags %v, want 32 and the tag", *d.ComputeResources.MaxvCpus, d.Tags)
		}
	})
	t.Run("one that never wins gives up", func(t *testing.T) {
		for range 20 { // as often as a change is tried
			s.table.before = append(s.table.before, func() {
				env := must[store.Environment](t)(s.records.Environment(t.Context(), "ce"))
				if err := s.table.Table.Write(t.Context(), s.records.PutEnvironment(env)); err != nil {
					t.Fatal(err)
				}
			})
		}
		wantError(t, change(64), batch.CodeServer, "compute environment ce was changed by others 20 times while this request was served")
	})
}
