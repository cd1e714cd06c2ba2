package batch_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// retry is a strategy of three attempts.
func retry(entries ...types.EvaluateOnExit) *types.RetryStrategy {
	return &types.RetryStrategy{Attempts: new(int32(3)), EvaluateOnExit: entries}
}

func onExit(code string, action types.RetryAction) types.EvaluateOnExit {
	return types.EvaluateOnExit{OnExitCode: &code, Action: action}
}

func onReason(reason string, action types.RetryAction) types.EvaluateOnExit {
	return types.EvaluateOnExit{OnReason: &reason, Action: action}
}

func onStatus(reason string, action types.RetryAction) types.EvaluateOnExit {
	return types.EvaluateOnExit{OnStatusReason: &reason, Action: action}
}

const (
	retried = types.RetryActionRetry
	exits   = types.RetryActionExit
)

func TestShouldRetry(t *testing.T) {
	exited := func(code int32) batch.Attempt {
		return batch.Attempt{ExitCode: &code, StatusReason: "Essential container in task exited"}
	}
	hostLost := batch.Attempt{StatusReason: "Host EC2 (instance i-0a) terminated."}
	outOfMemory := batch.Attempt{ExitCode: new(int32(137)), Reason: "OutOfMemoryError: Container killed due to memory usage",
		StatusReason: "Essential container in task exited"}
	noImage := batch.Attempt{Reason: "CannotPullContainerError: not found", StatusReason: "Task failed to start"}
	// The strategy that Nextflow and the user guide's best practices use on Spot.
	spot := retry(onStatus("Host EC2*", retried), onReason("*", exits))

	for name, test := range map[string]struct {
		strategy *types.RetryStrategy
		number   int
		attempt  batch.Attempt
		want     bool
	}{
		"no strategy is one attempt":                          {nil, 1, exited(1), false},
		"attempts left, no entries":                           {retry(), 1, exited(1), true},
		"the attempt before the last":                         {retry(), 2, exited(1), true},
		"the last attempt":                                    {retry(), 3, exited(1), false},
		"no entry matches: it is retried":                     {retry(onExit("137", exits)), 1, exited(1), true},
		"an exit code matches":                                {retry(onExit("137", exits)), 1, exited(137), false},
		"an exit code by prefix":                              {retry(onExit("13*", exits)), 1, exited(137), false},
		"an exit code is no number: 1 is not 01":              {retry(onExit("01", exits)), 1, exited(1), true},
		"an exit code that is not there matches none":         {retry(onExit("0", exits)), 1, hostLost, true},
		"an exit code that is not there matches *":            {retry(onExit("*", exits)), 1, hostLost, false},
		"the first entry that matches decides":                {retry(onExit("1", retried), onExit("1", exits)), 1, exited(1), true},
		"entries are tried in order":                          {retry(onReason("*", exits), onExit("1", retried)), 1, exited(1), false},
		"all conditions of an entry must match":               {retry(types.EvaluateOnExit{OnExitCode: new("137"), OnReason: new("Out*"), Action: exits}), 1, exited(137), true},
		"all conditions of an entry match":                    {retry(types.EvaluateOnExit{OnExitCode: new("137"), OnReason: new("Out*"), Action: exits}), 1, outOfMemory, false},
		"a text must match as a whole":                        {retry(onStatus("Essential container", exits)), 1, exited(1), true},
		"an action in lower case, as responses carry it":      {retry(onExit("1", "exit")), 1, exited(1), false},
		"RETRY in lower case":                                 {retry(onExit("1", "retry")), 1, exited(1), true},
		"Spot: a lost host is retried":                        {spot, 1, hostLost, true},
		"Spot: a failure is not":                              {spot, 1, exited(1), false},
		"Spot: neither is memory":                             {spot, 1, outOfMemory, false},
		"Spot: neither is a missing image":                    {spot, 1, noImage, false},
		"an entry cannot give more attempts than there are":   {retry(onStatus("Host EC2*", retried)), 3, hostLost, false},
		"a strategy without attempts allows none (seen: nil)": {&types.RetryStrategy{}, 1, exited(1), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := batch.ShouldRetry(test.strategy, test.number, test.attempt); got != test.want {
				t.Errorf("ShouldRetry after attempt %d = %v, want %v", test.number, got, test.want)
			}
		})
	}
}
