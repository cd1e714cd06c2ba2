package batch

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// Limits of AWS Batch on what a submission and a definition carry (user guide,
// "Service quotas" and "Automated job retries").
const (
	MinTimeoutSeconds = 60
	MaxAttempts       = 10
	MaxExitConditions = 5
	maxConditionChars = 512
	maxTags           = 50
	maxTagKeyChars    = 128
	maxTagValueChars  = 256
)

var (
	exitCodePattern  = regexp.MustCompile(`^[0-9]*\*?$`)
	conditionPattern = regexp.MustCompile(`^[0-9A-Za-z.:\s]*\*?$`)
)

// CheckRetry returns what is wrong with a retry strategy, nil for none or a good one.
func CheckRetry(s *types.RetryStrategy) error {
	if s == nil {
		return nil
	}
	if s.Attempts == nil {
		return &Error{Code: CodeInvalid, Message: "RetryAttempts must be provided with retry strategy.",
			Next: "set retryStrategy.attempts"}
	}
	if *s.Attempts < 1 || *s.Attempts > MaxAttempts {
		return Invalid("RetryAttempts must be between 1 and %d.", MaxAttempts)
	}
	if len(s.EvaluateOnExit) > MaxExitConditions {
		return Invalid("EvaluateOnExit can have at most %d entries, got %d.", MaxExitConditions, len(s.EvaluateOnExit))
	}
	for _, e := range s.EvaluateOnExit {
		if e.OnExitCode == nil && e.OnReason == nil && e.OnStatusReason == nil {
			return Invalid("EvaluateOnExit should contain at least one of onExitCode, onReason or onStatusReason")
		}
		switch strings.ToUpper(string(e.Action)) {
		case "RETRY", "EXIT":
		default:
			return Invalid("EvaluateOnExit action %q is not valid. Valid values are: [RETRY, EXIT]", e.Action)
		}
		for _, c := range []struct {
			pattern *regexp.Regexp
			value   *string
		}{{exitCodePattern, e.OnExitCode}, {conditionPattern, e.OnReason}, {conditionPattern, e.OnStatusReason}} {
			switch {
			case c.value == nil:
			case utf8.RuneCountInString(*c.value) > maxConditionChars:
				return Invalid("Evaluate on exit condition cannot exceed %d characters.", maxConditionChars)
			case !c.pattern.MatchString(*c.value):
				return &Error{Code: CodeInvalid, Message: "Evaluate on exit condition contains restricted characters.",
					Next: "use letters, digits, '.', ':' and white space, and '*' only at the end; onExitCode takes digits"}
			}
		}
	}
	return nil
}

// CheckTimeout returns what is wrong with a job's timeout.
func CheckTimeout(t *types.JobTimeout) error {
	if t == nil || t.AttemptDurationSeconds == nil {
		return nil
	}
	if *t.AttemptDurationSeconds < MinTimeoutSeconds {
		return Invalid("AttemptDurationSeconds in Timeout must be at least %d seconds.", MinTimeoutSeconds)
	}
	return nil
}

// CheckPriority returns what is wrong with a scheduling priority.
func CheckPriority(p *int32) error {
	if p != nil && (*p < 0 || *p > 9999) {
		return Invalid("Scheduling priority must be between 0 and 9999.")
	}
	return nil
}

// CheckTags returns what is wrong with a resource's tags, all of them together.
func CheckTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return Invalid("A resource can have at most %d tags, got %d.", maxTags, len(tags))
	}
	for k, v := range tags {
		switch {
		case k == "" || utf8.RuneCountInString(k) > maxTagKeyChars:
			return Invalid("The tag key %q must have 1 to %d characters.", k, maxTagKeyChars)
		case utf8.RuneCountInString(v) > maxTagValueChars:
			return Invalid("The value of tag %q must have at most %d characters.", k, maxTagValueChars)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return Invalid("The tag key %q starts with aws:, which is reserved.", k)
		}
	}
	return nil
}

var (
	jobNamePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)
	sharePattern   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
)

// CheckJobName returns what is wrong with a job's name.
func CheckJobName(name string) error {
	if !jobNamePattern.MatchString(name) {
		return &Error{Code: CodeInvalid, Message: "Job name should match valid pattern",
			Next: "use 1 to 128 letters, digits, '-' and '_', the first a letter or a digit"}
	}
	return nil
}

// CheckShare returns what is wrong with a share identifier.
func CheckShare(id string) error {
	if !sharePattern.MatchString(id) {
		return &Error{Code: CodeInvalid, Message: "ShareIdentifier name should match a valid pattern.",
			Next: "use 1 to 255 letters, digits, '-' and '_'"}
	}
	return nil
}
