package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// situation is a job and all that has to do with it: what a diagnosis looks at.
type situation struct {
	job          types.JobDetail
	queue        *types.JobQueueDetail
	environments []types.ComputeEnvironmentDetail // of the queue, in the order in which they are tried
	dependencies map[string]types.JobDetail       // those that are known
	position     int                              // in line in the queue, from 1; 0 when not known
	waiting      int                              // jobs in line, as far as known
	failed       []types.JobSummary               // children of an array that failed, some of them
	now          time.Time
}

// diagnosis says why a job is as it is, and what can be done about it.
type diagnosis struct {
	why  []string
	next []string
}

func (d *diagnosis) because(format string, args ...any) {
	d.why = append(d.why, fmt.Sprintf(format, args...))
}

// advise adds a next step, once.
func (d *diagnosis) advise(format string, args ...any) {
	if step := fmt.Sprintf(format, args...); !slices.Contains(d.next, step) {
		d.next = append(d.next, step)
	}
}

// diagnose explains a situation. It asks nobody: the same situation always gives the
// same diagnosis.
func diagnose(s situation) diagnosis {
	var d diagnosis
	id := aws.ToString(s.job.JobId)
	switch s.job.Status {
	case types.JobStatusSubmitted:
		d.because("The server has accepted it and not looked at it yet; that takes moments.")
		if s.now.Sub(moment(s.job.CreatedAt)) > slowSubmitted {
			d.advise("it has been so for long: check the log of the server")
		}
	case types.JobStatusPending:
		s.pending(&d)
	case types.JobStatusRunnable:
		s.runnable(&d)
	case types.JobStatusStarting:
		d.because("It has a host, and its container is being started there: the image is pulled and the container made.")
		s.earlierAttempts(&d)
	case types.JobStatusRunning:
		s.running(&d)
		d.advise("`packhorse logs -f %s` shows what it prints", id)
	case types.JobStatusSucceeded:
		d.because("It did what it should.")
		s.earlierAttempts(&d)
	case types.JobStatusFailed:
		s.failedWhy(&d)
	}
	return d
}

// slowSubmitted is how long a job may be SUBMITTED before something is likely wrong.
const slowSubmitted = time.Minute

func (s situation) pending(d *diagnosis) {
	id := aws.ToString(s.job.JobId)
	if p := s.job.ArrayProperties; isArray(s.job) {
		if counts := countsText(p.StatusSummary); counts != "" {
			d.because("It is an array of %d jobs, and they are under way: %s.", *p.Size, counts)
		}
		if p.StatusSummary["RUNNABLE"] > 0 && p.StatusSummary["RUNNING"]+p.StatusSummary["STARTING"] == 0 {
			s.capacity(d)
		}
		d.advise("`packhorse jobs --array %s` lists them; `packhorse explain %s:0` explains one", id, id)
	}
	for _, dep := range s.job.DependsOn {
		on := aws.ToString(dep.JobId)
		j, known := s.dependencies[on]
		switch {
		case on == "":
		case !known:
			d.because("It depends on job %s, which the server does not know any more.", on)
			d.advise("cancel it, and submit it again without that dependency: `packhorse cancel %s`", id)
		case j.Status == types.JobStatusFailed:
			d.because("It depends on job %s (%s), which FAILED: this job will fail too.", on, aws.ToString(j.JobName))
			d.advise("`packhorse explain %s` says why that one failed", on)
		case j.Status != types.JobStatusSucceeded:
			d.because("It waits for job %s (%s), which is %s.", on, aws.ToString(j.JobName), j.Status)
			d.advise("`packhorse explain %s` says what that one waits for", on)
		}
	}
	if len(d.why) == 0 {
		d.because("It waits for the jobs that it depends on, and these have ended: it goes on in a moment.")
	}
}

func (s situation) runnable(d *diagnosis) {
	if reason := oneLine(aws.ToString(s.job.StatusReason)); reason != "" {
		d.because("The server says: %s", reason)
		for _, known := range blockedReasons {
			if strings.HasPrefix(reason, known.token) {
				if known.meaning != "" {
					d.because("%s", known.meaning)
				}
				d.advise("%s", known.next)
			}
		}
	}
	s.earlierAttempts(d)
	s.capacity(d)
	if s.position > 1 {
		d.because("%s before it in the queue.", areJobs(s.position-1))
	}
	if len(d.why) == 0 {
		d.because("It waits for a host, and nothing that can be seen from here is in its way.")
		d.advise("look again in a minute; where hosts have to boot, that can take some")
	}
}

func areJobs(n int) string {
	if n == 1 {
		return "1 job is"
	}
	return fmt.Sprintf("%d jobs are", n)
}

const tooLarge = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"

const adviseSmaller = "raise maxvCpus of an environment, or submit the job with fewer vCPUs"

// blockedReasons are the reasons that AWS Batch gives for a job at the head of its
// queue that cannot start, and what to do about each.
var blockedReasons = []struct{ token, meaning, next string }{
	{
		"CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
		"Instances of the types wanted cannot be had at the moment.",
		"allow more instance types or subnets in the environment, or add a further environment to the queue",
	},
	{
		tooLarge,
		"The job needs more vCPUs than maxvCpus of any environment of the queue.",
		adviseSmaller,
	},
	{
		"MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
		"No instance type of the queue's environments has as many vCPUs, as much memory or as many GPUs as the job needs. A host offers somewhat less memory to jobs than its type has.",
		"allow larger instance types, or submit the job with less",
	},
	{
		"MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
		"",
		"check the instance types, the image and the launch template of the environment",
	},
	{
		"MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS",
		"",
		"check the service role of the environment",
	},
	{
		"ACTION_REQUIRED",
		"",
		"repair the environments of the queue: `packhorse environments` shows what is wrong with them",
	},
	{
		"UNDETERMINED",
		"",
		"check that hosts of the environment can boot and join: roles, network, image",
	},
}

// capacity looks at the queue and its environments for what keeps jobs from starting.
func (s situation) capacity(d *diagnosis) {
	if q := s.queue; q != nil {
		name := aws.ToString(q.JobQueueName)
		if q.Status == types.JQStatusInvalid {
			d.because("The queue %s is INVALID: %s", name, firstOf(oneLine(aws.ToString(q.StatusReason)), "no reason given"))
			d.advise("repair the queue: `packhorse queues %s`", name)
		}
	}
	if len(s.environments) == 0 {
		return
	}
	usable := 0
	need := s.vcpus()
	largest := int32(0)
	full := 0
	for _, e := range s.environments {
		name := aws.ToString(e.ComputeEnvironmentName)
		switch {
		case e.State == types.CEStateDisabled:
			d.because("The environment %s is DISABLED: it takes no jobs.", name)
			continue
		case e.Status == types.CEStatusInvalid:
			d.because("The environment %s is INVALID: %s", name, firstOf(oneLine(aws.ToString(e.StatusReason)), "no reason given"))
			continue
		case e.Status != types.CEStatusValid:
			d.because("The environment %s is %s.", name, e.Status)
			continue
		}
		usable++
		r := e.ComputeResources
		if r == nil {
			largest = 1<<31 - 1 // unmanaged: its hosts are not known here
			continue
		}
		largest = max(largest, aws.ToInt32(r.MaxvCpus))
		if want, max := aws.ToInt32(r.DesiredvCpus), aws.ToInt32(r.MaxvCpus); !fargate(r.Type) && max > 0 && want >= max {
			full++
			d.because("The environment %s has all the vCPUs that it may have: %d.", name, max)
		}
	}
	switch {
	case usable == 0:
		d.advise("enable or repair an environment of the queue: `packhorse environments` shows them")
	case need > float64(largest):
		if !strings.HasPrefix(aws.ToString(s.job.StatusReason), tooLarge) { // then the server has said so
			d.because("It needs %g vCPUs, and the largest environment of the queue may have %d.", need, largest)
		}
		d.advise(adviseSmaller)
	case full == usable:
		d.advise("wait for running jobs to end, or raise maxvCpus of an environment")
	}
}

// vcpus is what the job needs; 0 when it does not say.
func (s situation) vcpus() float64 {
	c := s.job.Container
	if c == nil {
		return 0
	}
	for _, r := range c.ResourceRequirements {
		if r.Type == types.ResourceTypeVcpu {
			n, _ := strconv.ParseFloat(aws.ToString(r.Value), 64)
			return n
		}
	}
	return float64(aws.ToInt32(c.Vcpus))
}

func (s situation) running(d *diagnosis) {
	ran := s.now.Sub(moment(s.job.StartedAt))
	d.because("Its container has run for %s.", span(ran))
	if t := s.job.Timeout; t != nil && t.AttemptDurationSeconds != nil {
		left := time.Duration(*t.AttemptDurationSeconds)*time.Second - ran
		if left > 0 {
			d.because("Its timeout ends it in %s.", span(left))
		} else {
			d.because("Its timeout is over: it is being stopped.")
		}
	}
	s.earlierAttempts(d)
}

// earlierAttempts tells of attempts that came before the present state.
func (s situation) earlierAttempts(d *diagnosis) {
	past := earlierAttempts(s.job)
	for i, at := range past {
		d.because("Attempt %d ended: %s.", i+1, strings.TrimSuffix(attemptOutcome(at), "."))
	}
	if len(past) > 0 && s.job.Status == types.JobStatusRunnable {
		d.because("It may be started %d times, and will be started again.", s.allowed())
	}
}

// allowed is how many attempts the job may have.
func (s situation) allowed() int {
	if r := s.job.RetryStrategy; r != nil {
		return max(1, int(aws.ToInt32(r.Attempts)))
	}
	return 1
}

func attemptOutcome(at types.AttemptDetail) string {
	text := firstOf(attemptReason(at), "no reason given")
	if at.Container != nil && at.Container.ExitCode != nil {
		text += fmt.Sprintf(" (exit code %d)", *at.Container.ExitCode)
	}
	return text
}

// failedWhy finds the cause of a failure: the request of a person, another job, the
// host, the start, or the program itself.
func (s situation) failedWhy(d *diagnosis) {
	j := s.job
	id := aws.ToString(j.JobId)
	reason := oneLine(aws.ToString(j.StatusReason))
	detail := ""
	if j.Container != nil {
		detail = oneLine(aws.ToString(j.Container.Reason))
	}
	s.earlierAttempts(d)
	if n := len(j.Attempts); n > 1 {
		which := "was the last"
		if n >= s.allowed() {
			which = "was the last that it was allowed"
		}
		d.because("Attempt %d %s, and ended: %s.", n, which, strings.TrimSuffix(attemptOutcome(j.Attempts[n-1]), "."))
	}
	code, hasCode := exitCode(j)
	log := func() {
		if len(streamsOf(j)) > 0 {
			d.advise("`packhorse logs %s` shows what it printed", id)
		}
	}
	switch {
	case aws.ToBool(j.IsTerminated):
		d.because("It was terminated on request: %s", firstOf(reason, "no reason given"))
	case aws.ToBool(j.IsCancelled):
		d.because("It was cancelled on request: %s", firstOf(reason, "no reason given"))
	case isArray(j) && len(s.failed) > 0:
		d.because("It is an array, and %s of its %d jobs failed. One that failed makes the whole fail.", numberFailed(j), *j.ArrayProperties.Size)
		for _, c := range s.failed {
			d.because("Job %s failed: %s", aws.ToString(c.JobId), firstOf(summaryReason(c), "no reason given"))
		}
		d.advise("`packhorse explain %s` explains one of them; `packhorse jobs --array %s --status FAILED` lists all", aws.ToString(s.failed[0].JobId), id)
	case strings.Contains(reason, "Dependent Job failed"):
		d.because("A job that it depends on failed, so it was never started.")
		for _, dep := range j.DependsOn {
			if on, ok := s.dependencies[aws.ToString(dep.JobId)]; ok && on.Status == types.JobStatusFailed {
				d.because("Job %s (%s) FAILED: %s", aws.ToString(on.JobId), aws.ToString(on.JobName), firstOf(failureReason(on), "no reason given"))
				d.advise("`packhorse explain %s` explains that failure; submit this job again when it is mended", aws.ToString(on.JobId))
			}
		}
	case strings.Contains(reason, "Job attempt duration exceeded timeout"):
		limit := ""
		if j.Timeout != nil && j.Timeout.AttemptDurationSeconds != nil {
			limit = " of " + span(time.Duration(*j.Timeout.AttemptDurationSeconds)*time.Second)
		}
		d.because("It ran longer than its timeout%s, and was stopped. Jobs that time out are not retried.", limit)
		d.advise("submit it with a longer --timeout")
		log()
	case strings.HasPrefix(reason, "Host EC2"):
		d.because("The host under it went away: %s", reason)
		d.advise("let such jobs start again: --retries 2, or a retry rule RETRY on onStatusReason \"Host EC2*\"")
	case strings.Contains(detail, "OutOfMemory"):
		d.because("It needed more memory than it had asked for (%s), and was killed.", firstOf(s.memory(), "an unknown amount"))
		d.advise("submit it with more --memory")
		log()
	case strings.Contains(detail, "CannotPullContainer"):
		d.because("Its image could not be pulled: %s", detail)
		d.advise("check the name of the image, and that the host may pull it")
	case strings.Contains(reason, "Canceled by JobStateTimeLimit"):
		d.because("It could not start for longer than the queue allows: %s", reason)
	case strings.Contains(reason, "JobQueue deleted"):
		d.because("Its queue was deleted.")
	case strings.Contains(reason, "Container Overrides length"):
		d.because("Its command, environment and resources are too long together: %s", reason)
		d.advise("pass large input as a file, not in the environment or the command")
	case strings.Contains(reason, "Task failed to start") || strings.HasPrefix(detail, "Cannot"):
		d.because("Its container could not be started: %s", firstOf(detail, reason))
		d.advise("check the command, the mounts and the image of its definition: `packhorse describe %s`", id)
	case hasCode && code != 0:
		d.because("Its program ended with exit code %d%s.", code, exitMeaning(code))
		log()
	default:
		d.because("%s", firstOf(joinReasons(reason, detail), "The server gives no reason."))
		log()
	}
	if len(d.next) == 0 {
		d.advise("`packhorse describe %s` shows all that is known about it", id)
	}
}

func joinReasons(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ": ")
}

func numberFailed(j types.JobDetail) string {
	if n := j.ArrayProperties.StatusSummary["FAILED"]; n > 0 {
		return strconv.Itoa(int(n))
	}
	return "some"
}

func (s situation) memory() string {
	for _, r := range s.job.Container.ResourceRequirements {
		if r.Type == types.ResourceTypeMemory {
			return aws.ToString(r.Value) + " MiB"
		}
	}
	if m := aws.ToInt32(s.job.Container.Memory); m > 0 {
		return fmt.Sprintf("%d MiB", m)
	}
	return ""
}

// exitMeaning says what shells and kernels mean by some exit codes.
func exitMeaning(code int) string {
	switch code {
	case 126:
		return ": the command is there but cannot be executed"
	case 127:
		return ": there is no such command in the image"
	case 134:
		return ": it aborted itself (SIGABRT)"
	case 137:
		return ": it was killed (SIGKILL), by the kernel for want of memory or by somebody"
	case 139:
		return ": it accessed memory that is not its own (SIGSEGV)"
	case 143:
		return ": it was asked to end (SIGTERM)"
	}
	return ""
}
