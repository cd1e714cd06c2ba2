package batch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestCheckRetry(t *testing.T) {
	attempts := func(n int32) *types.RetryStrategy { return &types.RetryStrategy{Attempts: &n} }
	restricted := "Evaluate on exit condition contains restricted characters. " +
		"(use letters, digits, '.', ':' and white space, and '*' only at the end; onExitCode takes digits)"
	for name, test := range map[string]struct {
		strategy *types.RetryStrategy
		want     string
	}{
		"none":                            {nil, ""},
		"one attempt":                     {attempts(1), ""},
		"ten attempts":                    {attempts(10), ""},
		"no attempts given":               {&types.RetryStrategy{}, "RetryAttempts must be provided with retry strategy. (set retryStrategy.attempts)"},
		"no attempt":                      {attempts(0), "RetryAttempts must be between 1 and 10."},
		"eleven attempts":                 {attempts(11), "RetryAttempts must be between 1 and 10."},
		"five entries":                    {retry(onExit("1", exits), onExit("2", exits), onExit("3", exits), onExit("4", exits), onExit("5", exits)), ""},
		"six entries":                     {retry(onExit("1", exits), onExit("2", exits), onExit("3", exits), onExit("4", exits), onExit("5", exits), onExit("6", exits)), "EvaluateOnExit can have at most 5 entries, got 6."},
		"an entry without a condition":    {retry(types.EvaluateOnExit{Action: exits}), "EvaluateOnExit should contain at least one of onExitCode, onReason or onStatusReason"},
		"an action in lower case":         {retry(onExit("1", "retry")), ""},
		"another action":                  {retry(onExit("1", "STOP")), `EvaluateOnExit action "STOP" is not valid. Valid values are: [RETRY, EXIT]`},
		"the usual Spot rule":             {retry(onStatus("Host EC2*", retried), onReason("*", exits)), ""},
		"a condition with colon and tab":  {retry(onReason("CannotPull: x\ty.z*", exits)), ""},
		"a parenthesis":                   {retry(onStatus("Host EC2 (instance", exits)), restricted},
		"an asterisk in the middle":       {retry(onReason("a*b", exits)), restricted},
		"an exit code with letters":       {retry(onExit("13x", exits)), restricted},
		"an exit code by prefix":          {retry(onExit("13*", exits)), ""},
		"a condition of 512 characters":   {retry(onReason(strings.Repeat("x", 512), exits)), ""},
		"a condition of 513 characters":   {retry(onReason(strings.Repeat("x", 513), exits)), "Evaluate on exit condition cannot exceed 512 characters."},
		"an exit code of 513 digits":      {retry(onExit(strings.Repeat("1", 513), exits)), "Evaluate on exit condition cannot exceed 512 characters."},
		"the first fault is the one told": {retry(types.EvaluateOnExit{OnExitCode: new("x"), OnReason: new(strings.Repeat("x", 513)), Action: exits}), restricted},
	} {
		t.Run(name, func(t *testing.T) {
			if got := text(batch.CheckRetry(test.strategy)); got != test.want {
				t.Errorf("CheckRetry = %q, want %q", got, test.want)
			}
		})
	}
}

func TestChecks(t *testing.T) {
	tags := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint("key-", i)] = "v"
		}
		return m
	}
	timeout := func(s int32) *types.JobTimeout { return &types.JobTimeout{AttemptDurationSeconds: &s} }
	name := "Job name should match valid pattern (use 1 to 128 letters, digits, '-' and '_', the first a letter or a digit)"
	share := "ShareIdentifier name should match a valid pattern. (use 1 to 255 letters, digits, '-' and '_')"
	for what, test := range map[string]struct {
		err  error
		want string
	}{
		"no timeout":                      {batch.CheckTimeout(nil), ""},
		"a timeout without a duration":    {batch.CheckTimeout(&types.JobTimeout{}), ""},
		"a timeout of a minute":           {batch.CheckTimeout(timeout(60)), ""},
		"a timeout of less":               {batch.CheckTimeout(timeout(59)), "AttemptDurationSeconds in Timeout must be at least 60 seconds."},
		"no priority":                     {batch.CheckPriority(nil), ""},
		"priority 0":                      {batch.CheckPriority(new(int32(0))), ""},
		"priority 9999":                   {batch.CheckPriority(new(int32(9999))), ""},
		"priority 10000":                  {batch.CheckPriority(new(int32(10000))), "Scheduling priority must be between 0 and 9999."},
		"priority -1":                     {batch.CheckPriority(new(int32(-1))), "Scheduling priority must be between 0 and 9999."},
		"50 tags":                         {batch.CheckTags(tags(50)), ""},
		"51 tags":                         {batch.CheckTags(tags(51)), "A resource can have at most 50 tags, got 51."},
		"a tag without a key":             {batch.CheckTags(map[string]string{"": "v"}), `The tag key "" must have 1 to 128 characters.`},
		"a tag value of 256 characters":   {batch.CheckTags(map[string]string{"k": strings.Repeat("ü", 256)}), ""},
		"a tag value of 257 characters":   {batch.CheckTags(map[string]string{"k": strings.Repeat("v", 257)}), `The value of tag "k" must have at most 256 characters.`},
		"a tag of AWS":                    {batch.CheckTags(map[string]string{"AWS:x": "v"}), `The tag key "AWS:x" starts with aws:, which is reserved.`},
		"a job name":                      {batch.CheckJobName("Job_1-a"), ""},
		"a job name of 128 characters":    {batch.CheckJobName(strings.Repeat("j", 128)), ""},
		"a job name of 129 characters":    {batch.CheckJobName(strings.Repeat("j", 129)), name},
		"no job name":                     {batch.CheckJobName(""), name},
		"a job name that begins with -":   {batch.CheckJobName("-j"), name},
		"a job name with a space":         {batch.CheckJobName("a b"), name},
		"a job name with a line feed":     {batch.CheckJobName("a\n"), name},
		"a share":                         {batch.CheckShare("team_a-1"), ""},
		"a share of 255 characters":       {batch.CheckShare(strings.Repeat("s", 255)), ""},
		"a share of 256 characters":       {batch.CheckShare(strings.Repeat("s", 256)), share},
		"a share with an asterisk":        {batch.CheckShare("team*"), share},
		"a share with a dot":              {batch.CheckShare("a.b"), share},
		"a share that is not given":       {batch.CheckShare(""), share},
		"a share with letters beyond a-z": {batch.CheckShare("é"), share},
	} {
		t.Run(what, func(t *testing.T) {
			if got := text(test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestErrorsTellTheirCodeAndTheNextStep(t *testing.T) {
	cause := fmt.Errorf("disk full")
	err := fmt.Errorf("submit: %w", &batch.Error{Code: batch.CodeThrottle, Message: "Slow down.", Next: "try later", Err: cause})
	if got := batch.CodeOf(err); got != batch.CodeThrottle {
		t.Errorf("CodeOf a wrapped Error = %s", got)
	}
	if got := err.Error(); got != "submit: Slow down. (try later)" {
		t.Errorf("Error = %q", got)
	}
	if got := batch.CodeOf(cause); got != batch.CodeServer {
		t.Errorf("CodeOf any other error = %s, want ServerException", got)
	}
}
