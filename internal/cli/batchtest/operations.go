package batchtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/internal/wire"
)

// on makes a handler of an operation's function.
func on[In, Out any](f func(In) (Out, error)) func([]byte) (any, error) {
	return func(body []byte) (any, error) {
		var in In
		if err := wire.Unmarshal(body, &in); err != nil {
			return nil, err
		}
		return f(in)
	}
}

type none struct{}

func (s *Server) operations() map[string]func([]byte) (any, error) {
	return map[string]func([]byte) (any, error){
		"createcomputeenvironment":    on(s.createEnvironment),
		"updatecomputeenvironment":    on(s.updateEnvironment),
		"describecomputeenvironments": on(s.describeEnvironments),
		"createjobqueue":              on(s.createQueue),
		"updatejobqueue":              on(s.updateQueue),
		"describejobqueues":           on(s.describeQueues),
		"getjobqueuesnapshot":         on(s.snapshot),
		"createschedulingpolicy":      on(s.createPolicy),
		"updateschedulingpolicy":      on(s.updatePolicy),
		"listschedulingpolicies":      on(s.listPolicies),
		"describeschedulingpolicies":  on(s.describePolicies),
		"registerjobdefinition":       on(s.registerDefinition),
		"describejobdefinitions":      on(s.describeDefinitions),
		"submitjob":                   on(s.submit),
		"describejobs":                on(s.describeJobs),
		"listjobs":                    on(s.listJobs),
		"canceljob":                   on(s.cancel),
		"terminatejob":                on(s.terminate),
		"tags":                        s.tag,
	}
}

func (s *Server) createEnvironment(in batch.CreateComputeEnvironmentInput) (batch.CreateComputeEnvironmentOutput, error) {
	n := aws.ToString(in.ComputeEnvironmentName)
	if s.environments[n] != nil {
		return batch.CreateComputeEnvironmentOutput{}, refuse("Object already exists")
	}
	e := &types.ComputeEnvironmentDetail{
		ComputeEnvironmentName: in.ComputeEnvironmentName, ComputeEnvironmentArn: aws.String(ARN("compute-environment", n)),
		ComputeResources: in.ComputeResources, ServiceRole: in.ServiceRole, Type: in.Type, Tags: in.Tags,
		State: cmp.Or(in.State, types.CEStateEnabled), Status: types.CEStatusCreating,
		EcsClusterArn: aws.String("arn:aws:ecs:us-east-1:123456789012:cluster/" + n + "_Batch_1"),
	}
	if r := e.ComputeResources; r != nil && r.DesiredvCpus == nil {
		r.DesiredvCpus = r.MinvCpus
	}
	s.environments[n] = e
	return batch.CreateComputeEnvironmentOutput{ComputeEnvironmentName: in.ComputeEnvironmentName, ComputeEnvironmentArn: e.ComputeEnvironmentArn}, nil
}

func (s *Server) updateEnvironment(in batch.UpdateComputeEnvironmentInput) (none, error) {
	e := s.environments[name(in.ComputeEnvironment)]
	if e == nil {
		return none{}, refuse("%s does not exist", aws.ToString(in.ComputeEnvironment))
	}
	if e.Status == types.CEStatusCreating || e.Status == types.CEStatusUpdating {
		return none{}, refuse("Cannot update, resource is being modified")
	}
	e.State = cmp.Or(in.State, e.State)
	if in.ServiceRole != nil {
		e.ServiceRole = in.ServiceRole
	}
	if in.ComputeResources != nil {
		if err := overlay(in.ComputeResources, e.ComputeResources); err != nil {
			return none{}, err
		}
	}
	e.Status = types.CEStatusUpdating
	return none{}, nil
}

// overlay writes the members that from has over those of to.
func overlay(from, to any) error {
	text, err := wire.Marshal(from)
	if err != nil {
		return err
	}
	return wire.Unmarshal(text, to)
}

func (s *Server) describeEnvironments(in batch.DescribeComputeEnvironmentsInput) (batch.DescribeComputeEnvironmentsOutput, error) {
	var all []types.ComputeEnvironmentDetail
	for _, n := range slices.Sorted(maps.Keys(s.environments)) {
		e := s.environments[n]
		if !asked(in.ComputeEnvironments, n) {
			continue
		}
		all = append(all, *e)
		if e.Status == types.CEStatusCreating || e.Status == types.CEStatusUpdating {
			e.Status, e.StatusReason = types.CEStatusValid, aws.String("ComputeEnvironment Healthy")
			if why, bad := s.Invalid[n]; bad {
				e.Status, e.StatusReason = types.CEStatusInvalid, aws.String(why)
			}
		}
	}
	part, next := page(s, all, in.NextToken, in.MaxResults)
	return batch.DescribeComputeEnvironmentsOutput{ComputeEnvironments: part, NextToken: next}, nil
}

// asked reports whether n is among names or ARNs; none means all.
func asked(refs []string, n string) bool {
	return len(refs) == 0 || slices.ContainsFunc(refs, func(r string) bool { return name(&r) == n })
}

func (s *Server) createQueue(in batch.CreateJobQueueInput) (batch.CreateJobQueueOutput, error) {
	n := aws.ToString(in.JobQueueName)
	if s.queues[n] != nil {
		return batch.CreateJobQueueOutput{}, refuse("Object already exists")
	}
	for i, o := range in.ComputeEnvironmentOrder {
		e := s.environments[name(o.ComputeEnvironment)]
		if e == nil || e.Status != types.CEStatusValid {
			return batch.CreateJobQueueOutput{}, refuse("Compute Environments must be created and valid before attaching them to a job queue")
		}
		in.ComputeEnvironmentOrder[i].ComputeEnvironment = e.ComputeEnvironmentArn
	}
	if p := aws.ToString(in.SchedulingPolicyArn); p != "" && (!strings.HasPrefix(p, "arn:") || s.policies[name(&p)] == nil) {
		return batch.CreateJobQueueOutput{}, refuse("Scheduling policy %s does not exist", p)
	}
	q := &types.JobQueueDetail{
		JobQueueName: in.JobQueueName, JobQueueArn: aws.String(ARN("job-queue", n)), Priority: in.Priority, Tags: in.Tags,
		ComputeEnvironmentOrder: in.ComputeEnvironmentOrder, SchedulingPolicyArn: in.SchedulingPolicyArn,
		JobStateTimeLimitActions: in.JobStateTimeLimitActions,
		State:                    cmp.Or(in.State, types.JQStateEnabled), Status: types.JQStatusCreating,
	}
	s.queues[n] = q
	return batch.CreateJobQueueOutput{JobQueueName: in.JobQueueName, JobQueueArn: q.JobQueueArn}, nil
}

func (s *Server) updateQueue(in batch.UpdateJobQueueInput) (none, error) {
	q := s.queues[name(in.JobQueue)]
	if q == nil {
		return none{}, refuse("%s does not exist", aws.ToString(in.JobQueue))
	}
	q.State = cmp.Or(in.State, q.State)
	if in.Priority != nil {
		q.Priority = in.Priority
	}
	if in.SchedulingPolicyArn != nil {
		q.SchedulingPolicyArn = in.SchedulingPolicyArn
	}
	if in.ComputeEnvironmentOrder != nil {
		q.ComputeEnvironmentOrder = in.ComputeEnvironmentOrder
	}
	q.Status = types.JQStatusUpdating
	return none{}, nil
}

func (s *Server) describeQueues(in batch.DescribeJobQueuesInput) (batch.DescribeJobQueuesOutput, error) {
	var all []types.JobQueueDetail
	for _, n := range slices.Sorted(maps.Keys(s.queues)) {
		q := s.queues[n]
		if !asked(in.JobQueues, n) {
			continue
		}
		all = append(all, *q)
		if q.Status == types.JQStatusCreating || q.Status == types.JQStatusUpdating {
			q.Status, q.StatusReason = types.JQStatusValid, aws.String("JobQueue Healthy")
		}
	}
	part, next := page(s, all, in.NextToken, in.MaxResults)
	return batch.DescribeJobQueuesOutput{JobQueues: part, NextToken: next}, nil
}

func (s *Server) snapshot(in batch.GetJobQueueSnapshotInput) (batch.GetJobQueueSnapshotOutput, error) {
	front := &types.FrontOfQueueDetail{LastUpdatedAt: aws.Int64(s.now().UnixMilli())}
	for _, id := range s.order {
		if j := s.jobs[id]; j.Status == types.JobStatusRunnable && name(j.JobQueue) == name(in.JobQueue) {
			front.Jobs = append(front.Jobs, types.FrontOfQueueJobSummary{JobArn: j.JobArn, EarliestTimeAtPosition: j.CreatedAt})
		}
	}
	return batch.GetJobQueueSnapshotOutput{FrontOfQueue: front}, nil
}

func (s *Server) createPolicy(in batch.CreateSchedulingPolicyInput) (batch.CreateSchedulingPolicyOutput, error) {
	n := aws.ToString(in.Name)
	if s.policies[n] != nil {
		return batch.CreateSchedulingPolicyOutput{}, refuse("Object already exists")
	}
	p := &types.SchedulingPolicyDetail{Name: in.Name, Arn: aws.String(ARN("scheduling-policy", n)), FairsharePolicy: in.FairsharePolicy, Tags: in.Tags}
	s.policies[n] = p
	return batch.CreateSchedulingPolicyOutput{Name: in.Name, Arn: p.Arn}, nil
}

func (s *Server) updatePolicy(in batch.UpdateSchedulingPolicyInput) (none, error) {
	p := s.policies[name(in.Arn)]
	if p == nil {
		return none{}, refuse("%s does not exist", aws.ToString(in.Arn))
	}
	p.FairsharePolicy = in.FairsharePolicy
	return none{}, nil
}

func (s *Server) listPolicies(in batch.ListSchedulingPoliciesInput) (batch.ListSchedulingPoliciesOutput, error) {
	var all []types.SchedulingPolicyListingDetail
	for _, n := range slices.Sorted(maps.Keys(s.policies)) {
		all = append(all, types.SchedulingPolicyListingDetail{Arn: s.policies[n].Arn})
	}
	part, next := page(s, all, in.NextToken, in.MaxResults)
	return batch.ListSchedulingPoliciesOutput{SchedulingPolicies: part, NextToken: next}, nil
}

func (s *Server) describePolicies(in batch.DescribeSchedulingPoliciesInput) (out batch.DescribeSchedulingPoliciesOutput, _ error) {
	for _, arn := range in.Arns {
		if p := s.policies[name(&arn)]; p != nil {
			out.SchedulingPolicies = append(out.SchedulingPolicies, *p)
		}
	}
	return out, nil
}

func (s *Server) registerDefinition(in batch.RegisterJobDefinitionInput) (batch.RegisterJobDefinitionOutput, error) {
	n, revision := aws.ToString(in.JobDefinitionName), int32(1)
	for _, d := range s.definitions {
		if aws.ToString(d.JobDefinitionName) == n {
			revision++
		}
	}
	d := &types.JobDefinition{}
	if err := overlay(in, d); err != nil {
		return batch.RegisterJobDefinitionOutput{}, err
	}
	d.JobDefinitionArn, d.Revision, d.Status = aws.String(fmt.Sprintf("%s:%d", ARN("job-definition", n), revision)), &revision, aws.String("ACTIVE")
	d.ContainerOrchestrationType = types.OrchestrationTypeEcs
	// The service adds empty lists and defaults to what it was given.
	if p := d.ContainerProperties; p != nil {
		p.Environment, p.Ulimits, p.Volumes = slices.Clip(append([]types.KeyValuePair{}, p.Environment...)), []types.Ulimit{}, []types.Volume{}
	}
	if len(d.PlatformCapabilities) == 0 {
		d.PlatformCapabilities = []types.PlatformCapability{types.PlatformCapabilityEc2}
	}
	s.definitions = append(s.definitions, d)
	return batch.RegisterJobDefinitionOutput{JobDefinitionName: in.JobDefinitionName, JobDefinitionArn: d.JobDefinitionArn, Revision: d.Revision}, nil
}

func (s *Server) describeDefinitions(in batch.DescribeJobDefinitionsInput) (batch.DescribeJobDefinitionsOutput, error) {
	var all []types.JobDefinition
	for _, d := range slices.Backward(s.definitions) {
		if (in.JobDefinitionName == nil || *in.JobDefinitionName == *d.JobDefinitionName) && (in.Status == nil || *in.Status == *d.Status) {
			all = append(all, *d)
		}
	}
	part, next := page(s, all, in.NextToken, in.MaxResults)
	return batch.DescribeJobDefinitionsOutput{JobDefinitions: part, NextToken: next}, nil
}

// definition finds what SubmitJob names: name, name:revision or ARN.
func (s *Server) definition(ref *string) *types.JobDefinition {
	want, revision, exact := strings.Cut(name(ref), ":")
	for _, d := range slices.Backward(s.definitions) {
		if aws.ToString(d.JobDefinitionName) == want && (!exact || strconv.Itoa(int(*d.Revision)) == revision) {
			return d
		}
	}
	return nil
}

// ID is the id of the n-th job that was submitted, from 1.
func ID(n int) string { return fmt.Sprintf("%08d-0000-4000-8000-000000000000", n) }

func (s *Server) submit(in batch.SubmitJobInput) (batch.SubmitJobOutput, error) {
	q, d := s.queues[name(in.JobQueue)], s.definition(in.JobDefinition)
	switch {
	case q == nil:
		return batch.SubmitJobOutput{}, refuse("JobQueue %s not found.", aws.ToString(in.JobQueue))
	case q.State == types.JQStateDisabled:
		return batch.SubmitJobOutput{}, refuse("JobQueue %s is not in ENABLED state", aws.ToString(in.JobQueue))
	case d == nil:
		return batch.SubmitJobOutput{}, refuse("JobDefinition name %s does not exist or is not in ACTIVE status", aws.ToString(in.JobDefinition))
	case len(in.DependsOn) > 20:
		return batch.SubmitJobOutput{}, refuse("Job cannot have more than 20 dependencies")
	}
	id := ID(len(s.order) + 1)
	j := &types.JobDetail{
		JobId: aws.String(id), JobArn: aws.String(ARN("job", id)), JobName: in.JobName, JobQueue: q.JobQueueArn, JobDefinition: d.JobDefinitionArn,
		Status: types.JobStatusSubmitted, CreatedAt: aws.Int64(s.now().UnixMilli()), DependsOn: in.DependsOn, Parameters: in.Parameters,
		ShareIdentifier: in.ShareIdentifier, SchedulingPriority: in.SchedulingPriorityOverride, Tags: in.Tags, Timeout: in.Timeout, RetryStrategy: in.RetryStrategy,
		Container: &types.ContainerDetail{},
	}
	if p := d.ContainerProperties; p != nil {
		if err := overlay(p, j.Container); err != nil {
			return batch.SubmitJobOutput{}, err
		}
	}
	if o := in.ContainerOverrides; o != nil {
		if o.Command != nil {
			j.Container.Command = o.Command
		}
		j.Container.Environment = append(j.Container.Environment, o.Environment...)
		for _, r := range o.ResourceRequirements {
			j.Container.ResourceRequirements = slices.DeleteFunc(j.Container.ResourceRequirements, func(x types.ResourceRequirement) bool { return x.Type == r.Type })
			j.Container.ResourceRequirements = append(j.Container.ResourceRequirements, r)
		}
	}
	if in.ArrayProperties != nil {
		j.ArrayProperties = &types.ArrayPropertiesDetail{Size: in.ArrayProperties.Size}
		for i := range *in.ArrayProperties.Size {
			child := *j
			child.JobId, child.JobArn = aws.String(fmt.Sprintf("%s:%d", id, i)), aws.String(fmt.Sprintf("%s:%d", *j.JobArn, i))
			child.ArrayProperties = &types.ArrayPropertiesDetail{Index: aws.Int32(i)}
			child.Status = types.JobStatusPending
			own := *j.Container
			child.Container = &own
			s.jobs[*child.JobId] = &child
		}
	}
	s.jobs[id] = j
	s.order = append(s.order, id)
	return batch.SubmitJobOutput{JobId: j.JobId, JobArn: j.JobArn, JobName: j.JobName}, nil
}

func (s *Server) describeJobs(in batch.DescribeJobsInput) (out batch.DescribeJobsOutput, _ error) {
	if len(in.Jobs) > 100 {
		return out, refuse("Maximum number of jobs supported is  100 .")
	}
	for _, id := range in.Jobs {
		if j := s.jobs[name(&id)]; j != nil {
			copied := *j
			copied.ArrayProperties = s.counted(j)
			out.Jobs = append(out.Jobs, copied)
		}
	}
	return out, nil
}

// children returns the children of an array, by index.
func (s *Server) children(parent string) (out []*types.JobDetail) {
	for i := 0; s.jobs[fmt.Sprintf("%s:%d", parent, i)] != nil; i++ {
		out = append(out, s.jobs[fmt.Sprintf("%s:%d", parent, i)])
	}
	return out
}

func (s *Server) counted(j *types.JobDetail) *types.ArrayPropertiesDetail {
	p := j.ArrayProperties
	if p == nil || p.Size == nil {
		return p
	}
	sum := map[string]int32{}
	for _, c := range s.children(*j.JobId) {
		sum[string(c.Status)]++
	}
	return &types.ArrayPropertiesDetail{Size: p.Size, StatusSummary: sum}
}

func (s *Server) listJobs(in batch.ListJobsInput) (batch.ListJobsOutput, error) {
	var all []types.JobSummary
	status := in.JobStatus
	if status == "" && len(in.Filters) == 0 {
		status = types.JobStatusRunning
	}
	if len(in.Filters) > 0 && *in.Filters[0].Name != "SHARE_IDENTIFIER" {
		status = "" // ignored together with a filter
	}
	candidates := s.children(aws.ToString(in.ArrayJobId))
	if in.JobQueue != nil {
		q := s.queues[name(in.JobQueue)]
		if q == nil {
			return batch.ListJobsOutput{}, refuse("JobQueue %s not found.", aws.ToString(in.JobQueue))
		}
		for _, id := range slices.Backward(s.order) {
			if name(s.jobs[id].JobQueue) == *q.JobQueueName {
				candidates = append(candidates, s.jobs[id])
			}
		}
	}
	for _, j := range candidates {
		if (status == "" || j.Status == status) && s.passes(in.Filters, j) {
			all = append(all, s.summary(j))
		}
	}
	part, next := page(s, all, in.NextToken, in.MaxResults)
	return batch.ListJobsOutput{JobSummaryList: part, NextToken: next}, nil
}

func (s *Server) passes(filters []types.KeyValuesPair, j *types.JobDetail) bool {
	if len(filters) == 0 {
		return true
	}
	want := filters[0].Values[0]
	match := func(have string) bool {
		if prefix, ok := strings.CutSuffix(want, "*"); ok {
			return strings.HasPrefix(strings.ToLower(have), strings.ToLower(prefix))
		}
		return strings.EqualFold(have, want)
	}
	at, _ := strconv.ParseInt(want, 10, 64)
	switch *filters[0].Name {
	case "JOB_NAME":
		return match(*j.JobName)
	case "JOB_DEFINITION":
		n, _, _ := strings.Cut(name(j.JobDefinition), ":")
		return match(n) || want == *j.JobDefinition
	case "SHARE_IDENTIFIER":
		return aws.ToString(j.ShareIdentifier) == want
	case "AFTER_CREATED_AT":
		return *j.CreatedAt > at
	case "BEFORE_CREATED_AT":
		return *j.CreatedAt < at
	}
	return false
}

func (s *Server) summary(j *types.JobDetail) types.JobSummary {
	out := types.JobSummary{
		JobId: j.JobId, JobArn: j.JobArn, JobName: j.JobName, JobDefinition: j.JobDefinition, Status: j.Status, StatusReason: j.StatusReason,
		CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, StoppedAt: j.StoppedAt, ShareIdentifier: j.ShareIdentifier,
	}
	if j.Container != nil && (j.Container.ExitCode != nil || j.Container.Reason != nil) {
		out.Container = &types.ContainerSummary{ExitCode: j.Container.ExitCode, Reason: j.Container.Reason}
	}
	if p := s.counted(j); p != nil {
		out.ArrayProperties = &types.ArrayPropertiesSummary{Index: p.Index, Size: p.Size, StatusSummary: p.StatusSummary}
	}
	return out
}

func (s *Server) cancel(in batch.CancelJobInput) (none, error) {
	j := s.jobs[name(in.JobId)]
	if j != nil && (j.Status == types.JobStatusSubmitted || j.Status == types.JobStatusPending || j.Status == types.JobStatusRunnable) {
		j.IsCancelled = aws.Bool(true)
		s.end(j, in.Reason)
	}
	return none{}, nil
}

func (s *Server) terminate(in batch.TerminateJobInput) (none, error) {
	j := s.jobs[name(in.JobId)]
	if j != nil && j.Status != types.JobStatusSucceeded && j.Status != types.JobStatusFailed {
		j.IsTerminated = aws.Bool(true)
		s.end(j, in.Reason)
	}
	return none{}, nil
}

func (s *Server) end(j *types.JobDetail, reason *string) {
	j.Status, j.StatusReason, j.StoppedAt = types.JobStatusFailed, reason, aws.Int64(s.now().UnixMilli())
}

func (s *Server) tag(body []byte) (any, error) {
	var in struct {
		Arn  string
		Body struct{ Tags map[string]string }
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	var tags *map[string]string
	for _, e := range s.environments {
		if *e.ComputeEnvironmentArn == in.Arn {
			tags = &e.Tags
		}
	}
	for _, q := range s.queues {
		if *q.JobQueueArn == in.Arn {
			tags = &q.Tags
		}
	}
	if tags == nil {
		return nil, refuse("%s not found", in.Arn)
	}
	if *tags == nil {
		*tags = map[string]string{}
	}
	maps.Copy(*tags, in.Body.Tags)
	return none{}, nil
}

// Job returns a copy of a job.
func (s *Server) Job(id string) types.JobDetail {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		return *j
	}
	return types.JobDetail{}
}

// Update changes a job.
func (s *Server) Update(id string, change func(*types.JobDetail)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s.jobs[id])
}

// Environment returns an environment to be looked at or changed. It must not be called
// while a request is under way.
func (s *Server) Environment(n string) *types.ComputeEnvironmentDetail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.environments[n]
}

// Queue is the same for a queue.
func (s *Server) Queue(n string) *types.JobQueueDetail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queues[n]
}

// Add makes an environment, a queue on it and a definition, all valid: enough to submit
// to. The environment is called after the queue.
func (s *Server) Add(queue, definition string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	_, err := s.createEnvironment(batch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String(queue + "-env"), Type: types.CETypeManaged,
		ComputeResources: &types.ComputeResource{
			Type: types.CRTypeSpot, MinvCpus: aws.Int32(0), MaxvCpus: aws.Int32(16), DesiredvCpus: aws.Int32(4),
			InstanceTypes: []string{"m6i", "c6i"}, Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		},
	})
	must(err)
	s.environments[queue+"-env"].Status = types.CEStatusValid
	_, err = s.createQueue(batch.CreateJobQueueInput{
		JobQueueName: &queue, Priority: aws.Int32(10),
		ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{Order: aws.Int32(1), ComputeEnvironment: aws.String(queue + "-env")}},
	})
	must(err)
	s.queues[queue].Status = types.JQStatusValid
	if s.definition(&definition) == nil {
		_, err = s.registerDefinition(batch.RegisterJobDefinitionInput{
			JobDefinitionName: &definition, Type: types.JobDefinitionTypeContainer,
			ContainerProperties: &types.ContainerProperties{
				Image: aws.String("busybox"), Command: []string{"true"},
				ResourceRequirements: []types.ResourceRequirement{
					{Type: types.ResourceTypeVcpu, Value: aws.String("2")}, {Type: types.ResourceTypeMemory, Value: aws.String("2048")},
				},
			},
		})
		must(err)
	}
}

// Submit adds a job of a queue and a definition that Add made.
func (s *Server) Submit(jobName, queue, definition string, changes ...func(*batch.SubmitJobInput)) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := batch.SubmitJobInput{JobName: &jobName, JobQueue: &queue, JobDefinition: &definition}
	for _, c := range changes {
		c(&in)
	}
	out, err := s.submit(in)
	if err != nil {
		panic(err)
	}
	return *out.JobId
}
