package scheduler

import (
	"fmt"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// Token is the cause of a blocked queue by the name that AWS Batch gives it (user
// guide, "Jobs stuck in a RUNNABLE status"); clients match it at the start of a
// job's statusReason, and jobStateTimeLimitActions name it.
type Token string

// The tokens.
const (
	TokenNone        Token = ""
	TokenNoCapacity  Token = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
	TokenMaxResource Token = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
	TokenRequirement Token = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"
	TokenInvalid     Token = "ACTION_REQUIRED"
)

// texts are AWS's sentences behind the tokens.
var texts = map[Token]string{
	TokenNoCapacity:  "Service cannot fulfill the capacity requested for instance type [instanceTypeName]",
	TokenMaxResource: "CE(s) associated with the job queue cannot meet the CPU requirement of the job.",
	TokenRequirement: "The job resource requirement (vCPU/memory/GPU) is higher than that can be met by the CE(s) attached to the job queue.",
	TokenInvalid:     "CE(s) associated with the job queue are invalid.",
}

// Reason says why a job waits.
type Reason struct {
	Token Token
	// Detail is our part, with numbers.
	Detail string
}

// String is the statusReason: AWS's token and sentence where it has one, then the
// numbers.
func (r Reason) String() string {
	if r.Token == TokenNone {
		return r.Detail
	}
	text := texts[r.Token]
	if r.Detail == "" {
		return string(r.Token) + " - " + text
	}
	return string(r.Token) + " - " + text + " " + r.Detail
}

// unfit explains, for each environment of a queue, why it cannot take the job
// however long it waits. It returns false if one could.
func unfit(j *Job, envs []*envState) (Reason, bool) {
	var why []string
	unusable, tooBig := 0, 0
	for _, e := range envs {
		switch {
		case !e.Usable:
			unusable++
			why = append(why, fmt.Sprintf("%s: %s", e.Name, e.Why))
		case !e.runs(j):
			why = append(why, fmt.Sprintf("%s: runs %s jobs, this one is for %s", e.Name, platformName(e.Platform), platformName(j.Platform)))
		case e.holds(j).ever:
			return Reason{}, false
		case j.Need.MilliVCPU > e.MaxMilliVCPU && e.Grows:
			tooBig++
			why = append(why, fmt.Sprintf("%s: maxvCpus is %s", e.Name, batch.FormatVCPU(e.MaxMilliVCPU)))
		default:
			if e.holds(j).above != nil {
				tooBig++
			}
			why = append(why, fmt.Sprintf("%s: %s", e.Name, e.tooSmall(j)))
		}
	}
	r := Reason{Token: TokenRequirement}
	switch {
	case len(envs) == 0:
		return Reason{TokenInvalid, "The queue has no compute environment that exists."}, true
	case unusable == len(envs):
		r.Token = TokenInvalid
	case tooBig > 0 && tooBig+unusable == len(envs):
		r.Token = TokenMaxResource
	}
	r.Detail = fmt.Sprintf("It needs %s. %s.", j.Need, strings.Join(why, "; "))
	return r, true
}

func platformName(p batch.Platform) string {
	if p == batch.PlatformFargate {
		return "FARGATE"
	}
	return "EC2"
}
