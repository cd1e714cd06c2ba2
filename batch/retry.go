package batch

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// ShouldRetry reports whether an attempt that failed is followed by another.
// strategy may be nil: one attempt. number counts attempts from 1.
//
// The entries of evaluateOnExit are tried in order; the first whose conditions all
// match decides; when none matches the job is retried (SDK documentation of
// RetryStrategy). A condition that is only "*" also matches what is absent: the
// usual last entry {onReason: "*", action: EXIT} relies on it, since most failures
// carry no container reason. AWS does not document this.
func ShouldRetry(strategy *types.RetryStrategy, number int, a Attempt) bool {
	if strategy == nil || number >= int(deref(strategy.Attempts)) {
		return false
	}
	exit := ""
	if a.ExitCode != nil {
		exit = strconv.Itoa(int(*a.ExitCode))
	}
	for _, e := range strategy.EvaluateOnExit {
		if matches(e.OnExitCode, exit) && matches(e.OnReason, a.Reason) && matches(e.OnStatusReason, a.StatusReason) {
			return strings.EqualFold(string(e.Action), string(types.RetryActionRetry))
		}
	}
	return true
}

// matches applies one condition: an exact text, or a prefix followed by "*". A
// condition that is not given always holds.
func matches(pattern *string, text string) bool {
	if pattern == nil {
		return true
	}
	if prefix, ok := strings.CutSuffix(*pattern, "*"); ok {
		return strings.HasPrefix(text, prefix)
	}
	return text == *pattern
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
