package amazon

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/compute"
)

// The last statuses of a task that matter ("Task lifecycle", ECS developer guide).
const (
	taskRunning = "RUNNING"
	taskStopped = "STOPPED"
)

// hostLost begins the reason of a task whose host went away, in ECS's words, which AWS
// Batch passes on and clients retry on.
const hostLost = "Host EC2"

// statusOf translates a task of ECS. JobID is empty for one that is not ours.
func statusOf(t types.Task) compute.TaskStatus {
	tags := tagsOfECS(t.Tags)
	s := compute.TaskStatus{
		ID: deref(t.StartedBy), Ref: lastOf(deref(t.TaskArn)), Host: tags[tagHost],
		State: stateOf(t), Version: t.Version, StartedAt: deref(t.StartedAt),
	}
	s.JobID, s.Attempt = jobOf(t, tags)
	for _, c := range containersOf(t) {
		s.Containers = append(s.Containers, containerStatus(c))
	}
	if s.State != compute.TaskStopped {
		return s
	}
	s.StoppedAt = deref(t.StoppedAt)
	s.StopCode, s.Reason = stopOf(t)
	switch s.StopCode {
	case compute.StopHostLost:
		lose(&s, tags[tagInstance])
	case compute.StopFailedToStart:
		for i := range s.Containers {
			if s.Containers[i].Reason == "" && s.Containers[i].ExitCode == nil {
				s.Containers[i].Reason = s.Reason // ResourceInitializationError is said of the task only
			}
		}
	}
	return s
}

// lose makes a status that of a task that went away with its host.
func lose(s *compute.TaskStatus, instance string) {
	s.StopCode = compute.StopHostLost
	for i := range s.Containers {
		s.Containers[i].ExitCode = nil
	}
	if !strings.HasPrefix(s.Reason, hostLost) && instance != "" {
		s.Reason = fmt.Sprintf("%s (instance %s) terminated.", hostLost, instance)
	}
}

// jobOf tells whose attempt a task is: by its tags, or, since events come without them,
// by the variables that every container of ours gets.
func jobOf(t types.Task, tags map[string]string) (job string, attempt int) {
	job, number := tags[tagJob], tags[tagAttempt]
	if job == "" && isOurs(t) && t.Overrides != nil {
		for _, c := range t.Overrides.ContainerOverrides {
			for _, v := range c.Environment {
				switch deref(v.Name) {
				case "AWS_BATCH_JOB_ID":
					job = deref(v.Value)
				case "AWS_BATCH_JOB_ATTEMPT":
					number = deref(v.Value)
				}
			}
		}
	}
	attempt, _ = strconv.Atoi(number)
	return job, attempt
}

// isOurs reports whether a task was made from a definition of ours.
func isOurs(t types.Task) bool {
	return strings.HasPrefix(lastOf(deref(t.TaskDefinitionArn)), familyPrefix)
}

func stateOf(t types.Task) compute.TaskState {
	switch deref(t.LastStatus) {
	case taskStopped, "DELETED":
		return compute.TaskStopped
	case taskRunning:
		return compute.TaskRunning
	}
	if t.StartedAt != nil { // DEACTIVATING, STOPPING, DEPROVISIONING
		return compute.TaskRunning
	}
	return compute.TaskPending // PROVISIONING, PENDING, ACTIVATING
}

// stopOf translates why a task stopped. A host that goes away is told in the reason,
// whatever the code is.
func stopOf(t types.Task) (compute.StopCode, string) {
	reason := deref(t.StoppedReason)
	if strings.HasPrefix(reason, hostLost) {
		return compute.StopHostLost, reason
	}
	switch t.StopCode {
	case types.TaskStopCodeSpotInterruption, types.TaskStopCodeTerminationNotice, types.TaskStopCodeInfrastructureHealth:
		return compute.StopHostLost, reason
	case types.TaskStopCodeUserInitiated, types.TaskStopCodeServiceSchedulerInitiated:
		return compute.StopUser, reason
	case types.TaskStopCodeEssentialContainerExited:
		return compute.StopEssentialExited, firstOf(reason, "Essential container in task exited")
	case types.TaskStopCodeTaskFailedToStart:
		return compute.StopFailedToStart, firstOf(reason, "Task failed to start")
	}
	// ECS does not always say.
	switch exited := slices.ContainsFunc(t.Containers, func(c types.Container) bool { return c.ExitCode != nil }); {
	case exited:
		return compute.StopEssentialExited, firstOf(reason, "Essential container in task exited")
	case t.StartedAt == nil:
		return compute.StopFailedToStart, firstOf(reason, "Task failed to start")
	}
	return compute.StopHostLost, reason
}

// containersOf returns the containers of a task in the order of its overrides, which
// name all of ours: AWS adds some of its own to tasks, such as those of GuardDuty.
func containersOf(t types.Task) []types.Container {
	if t.Overrides == nil {
		return t.Containers
	}
	var ours []types.Container
	for _, o := range t.Overrides.ContainerOverrides {
		at := slices.IndexFunc(t.Containers, func(c types.Container) bool { return deref(c.Name) == deref(o.Name) })
		if at >= 0 {
			ours = append(ours, t.Containers[at])
		}
	}
	if len(ours) == 0 {
		return t.Containers
	}
	return ours
}

func containerStatus(c types.Container) compute.ContainerStatus {
	s := compute.ContainerStatus{Name: deref(c.Name), ExitCode: c.ExitCode, Reason: deref(c.Reason)}
	for _, n := range c.NetworkInterfaces {
		s.IP = firstOf(s.IP, deref(n.PrivateIpv4Address))
	}
	return s
}

// Exit codes of a program that was told to end, and of one that was killed.
const (
	exitTerm = 128 + 15
	exitKill = 128 + 9
)

// mayBeKilled reports whether a task that seems to have ended by itself may have been
// killed by the shutdown of its host.
func mayBeKilled(s compute.TaskStatus) bool {
	if s.StopCode != compute.StopEssentialExited {
		return false
	}
	return slices.ContainsFunc(s.Containers, func(c compute.ContainerStatus) bool {
		return c.ExitCode != nil && (*c.ExitCode == exitTerm || *c.ExitCode == exitKill) && !strings.HasPrefix(c.Reason, "OutOfMemory")
	})
}
