package jobs

import (
	"context"
	"slices"
	"strings"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// queue finds the queue of a submission, which must take jobs.
func (s *Jobs) queue(ctx context.Context, ref string) (store.Queue, error) {
	if ref == "" {
		return store.Queue{}, batch.Invalid("jobQueue must be specified.")
	}
	q, err := s.Records.RecentQueue(ctx, batch.NameOf("job-queue", ref))
	if store.IsNotFound(err) {
		e := batch.NotFound("Job queue %s does not exist.", ref)
		e.Next = "create it with CreateJobQueue, or list the existing ones with DescribeJobQueues"
		return q, e
	}
	if err != nil {
		return q, err
	}
	if q.Detail.State == types.JQStateDisabled {
		return q, &batch.Error{Code: batch.CodeInvalid, Message: "Job queue " + q.Name() + " is DISABLED.",
			Next: "enable it with UpdateJobQueue, or submit to another queue"}
	}
	if q.Detail.Status == types.JQStatusDeleting || q.Detail.Status == types.JQStatusDeleted {
		return q, &batch.Error{Code: batch.CodeInvalid, Message: "Job queue " + q.Name() + " is being deleted.",
			Next: "submit to another queue"}
	}
	return q, nil
}

// checkSubmission applies the rules that need nothing but the request.
func checkSubmission(in *awsbatch.SubmitJobInput) error {
	if err := batch.CheckRetry(in.RetryStrategy); err != nil {
		return err
	}
	if err := batch.CheckTimeout(in.Timeout); err != nil {
		return err
	}
	if err := batch.CheckPriority(in.SchedulingPriorityOverride); err != nil {
		return err
	}
	if err := batch.CheckTags(in.Tags); err != nil {
		return err
	}
	if a := in.ArrayProperties; a != nil && a.Size != nil && (*a.Size < 2 || *a.Size > batch.MaxArraySize) {
		return batch.Invalid("arrayProperties.size must be between 2 and %d, got %d.", batch.MaxArraySize, *a.Size)
	}
	if in.EksPropertiesOverride != nil {
		return batch.Invalid("eksPropertiesOverride is not supported: there is no EKS here.")
	}
	if in.NodeOverrides != nil {
		return batch.Invalid("nodeOverrides is not supported yet: multi-node parallel jobs are not.")
	}
	if p := in.ConsumableResourcePropertiesOverride; p != nil && len(p.ConsumableResourceList) > 0 {
		return batch.Invalid("consumableResourcePropertiesOverride is not supported yet.")
	}
	if o := in.ContainerOverrides; o != nil {
		if slices.Contains(o.Command, "") {
			return batch.Invalid("containerOverrides.command must not contain an empty string.")
		}
		return checkEnvironment(o.Environment)
	}
	return nil
}

func checkEnvironment(env []types.KeyValuePair) error {
	for _, e := range env {
		if deref(e.Name) == "" {
			return batch.Invalid("Environment variable name is required.")
		}
		if strings.HasPrefix(*e.Name, "AWS_BATCH") {
			return batch.Invalid("Environment variable %s starts with AWS_BATCH, which is reserved.", *e.Name)
		}
	}
	return nil
}

// checkShare applies the rules of fair-share and of first-in-first-out queues to
// share and priority.
func (s *Jobs) checkShare(ctx context.Context, q store.Queue, in *awsbatch.SubmitJobInput, merged batch.Effective, job *batch.Job) error {
	share := deref(in.ShareIdentifier)
	if !q.FairShare() {
		if share != "" || in.SchedulingPriorityOverride != nil {
			return batch.Invalid("Job with shareIdentifier or schedulingPriority can onlybe submitted to job queue with fair share scheduling policy.")
		}
		return nil
	}
	if share == "" {
		return &batch.Error{Code: batch.CodeInvalid, Message: "shareIdentifier must be specified.",
			Next: "queue " + q.Name() + " has a fair-share scheduling policy: add shareIdentifier"}
	}
	if err := batch.CheckShare(share); err != nil {
		return err
	}
	if merged.Priority == nil {
		return batch.Invalid("Either schedulingPriority in job definition or schedulingPriorityOverride should be specified.")
	}
	job.Share, job.Priority = share, *merged.Priority
	return s.noteShare(ctx, q.Name(), share)
}

// maxShares is how many shares of a queue may be active at once (SDK documentation
// of SubmitJob).
const maxShares = 500

// noteShare makes sure that the queue knows of a share, so that passes look for its
// jobs, and that it is not forgotten now.
func (s *Jobs) noteShare(ctx context.Context, queue, id string) error {
	now := s.Now()
	share, err := s.Records.RecentShare(ctx, queue, id)
	switch {
	case store.IsNotFound(err):
		if err := s.checkShareCount(ctx, queue, now); err != nil {
			return err
		}
		share = store.Share{Queue: queue, ID: id, AsOf: batch.MillisOf(now)}
	case err != nil:
		return err
	case now.Sub(share.SeenAt.Time()) < store.ShareSeenEvery:
		return nil
	}
	share.SeenAt = batch.MillisOf(now)
	err = s.Records.Write(ctx, s.Records.PutShare(share))
	if store.IsConflict(err) {
		// Another submission was first, or the share was forgotten: then it is new.
		if _, err = s.Records.Share(ctx, queue, id); store.IsNotFound(err) {
			return s.noteShare(ctx, queue, id)
		}
	}
	return err
}

// checkShareCount refuses one share more than may be active.
func (s *Jobs) checkShareCount(ctx context.Context, queue string, now time.Time) error {
	known, err := s.Records.Shares(ctx, queue)
	if err != nil {
		return err
	}
	active := 0
	for _, share := range known {
		if share.Active(now) {
			active++
		}
	}
	if active < maxShares {
		return nil
	}
	return &batch.Error{Code: batch.CodeInvalid,
		Message: "The job queue has reached its limit of 500 active share identifiers.",
		Next:    "use an existing share identifier, or wait until one is no longer active"}
}

// checkPlatform refuses a job whose platform no environment of the queue has.
func (s *Jobs) checkPlatform(ctx context.Context, q store.Queue, platform batch.Platform) error {
	either := q.Detail.Tags[batch.TagEnvironments] != "" // it may have both platforms
	found := false
	for _, name := range q.Environments() {
		env, err := s.Records.RecentEnvironment(ctx, name)
		if store.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		found = true
		if PlatformOf(env) == platform {
			return nil
		}
		if !either {
			break // AWS Batch allows one platform per queue: the first environment tells it
		}
	}
	if found {
		capability := "EC2"
		if platform == batch.PlatformFargate {
			capability = "FARGATE"
		}
		return &batch.Error{Code: batch.CodeInvalid,
			Message: "Job Queue is attached to Compute Environment that can not run Jobs with capability " + capability,
			Next:    "submit to another queue, or change platformCapabilities of the job definition"}
	}
	return nil
}

// PlatformOf returns the platform of an environment.
func PlatformOf(e store.Environment) batch.Platform {
	if r := e.Detail.ComputeResources; r != nil && (r.Type == types.CRTypeFargate || r.Type == types.CRTypeFargateSpot) {
		return batch.PlatformFargate
	}
	return batch.PlatformEC2
}

// checkDependencies checks what the job waits for and notes it in the job.
func (s *Jobs) checkDependencies(ctx context.Context, job *batch.Job, in *awsbatch.SubmitJobInput) error {
	ids := make([]string, 0, len(in.DependsOn))
	for _, d := range in.DependsOn {
		if id := deref(d.JobId); id != "" {
			ids = append(ids, id)
		}
	}
	known, err := s.Lifecycle.Describe(ctx, ids)
	if err != nil {
		return err
	}
	waits := map[string]bool{}
	for i, d := range in.DependsOn {
		id := deref(d.JobId)
		switch d.Type {
		case types.ArrayJobDependencySequential:
			// With a jobId it is a plain dependency: that is how clients read the name.
			if id == "" && job.Array == nil {
				return batch.Invalid("dependsOn[%d]: SEQUENTIAL without a jobId is for array jobs only.", i)
			}
			if id == "" {
				job.Array.Mode = batch.ArraySequential
				continue
			}
		case types.ArrayJobDependencyNToN:
			if job.Array == nil {
				return batch.Invalid("dependsOn[%d]: N_TO_N dependencies are for array jobs only.", i)
			}
		case "":
		default:
			return batch.Invalid("dependsOn[%d]: the type %q is not valid. Valid values are: [N_TO_N, SEQUENTIAL]", i, d.Type)
		}
		if id == "" {
			return batch.Invalid("dependsOn[%d]: jobId must be specified.", i)
		}
		on, ok := known[id]
		if !ok {
			return wrapped(&batch.Error{Code: batch.CodeInvalid, Message: "Job " + id + " in dependsOn does not exist.",
				Next: "name a job that was submitted here and ended at most 7 days ago"})
		}
		if d.Type != types.ArrayJobDependencyNToN {
			waits[id] = true
			continue
		}
		if on.Array == nil || on.Array.Size != job.Array.Size {
			size := 1
			if on.Array != nil {
				size = on.Array.Size
			}
			return batch.Invalid("dependsOn[%d]: N_TO_N needs an array of the same size; this one has %d children, job %s has %d.",
				i, job.Array.Size, id, size)
		}
		if job.Array.Mode == batch.ArrayPlain {
			job.Array.Mode = batch.ArrayNToN
		}
	}
	job.WaitsFor = len(waits)
	if job.Array != nil {
		job.Array.Counts = batch.Counts{}
		job.Array.Counts.Move("", job.UnstartedStatus(), job.Array.Size)
	} else if job.WaitsFor > 0 {
		job.Status = batch.Pending
	}
	return nil
}
