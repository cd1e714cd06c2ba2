package account

import (
	"fmt"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Settings are what an installation in an account is told by its template, as variables of
// its functions' environment.
type Settings struct {
	Table           string // name of the DynamoDB table
	Deployment      string // name of the installation: a prefix and a tag of all it makes
	Keys            string // path of the callers' keys in the parameter store
	InstanceProfile string // of hosts whose environment names none
	ExecutionRole   string // ARN of the role of tasks that name none
	DeadLetters     string // URL of the queue for S3 events that could not be handled; empty: none
	// LogGroups are the log groups of jobs that callers may read, beside AWS Batch's own.
	LogGroups []string
	// IdleWindow is how long a host without tasks stays, where its environment does not say.
	IdleWindow time.Duration
	Account    batch.Account
}

// DefaultIdleWindow is how long a host without tasks stays where nobody says.
const DefaultIdleWindow = 2 * time.Minute

// The variables.
const (
	EnvTable           = "PACKHORSE_TABLE"
	EnvDeployment      = "PACKHORSE_DEPLOYMENT"
	EnvKeys            = "PACKHORSE_KEYS"
	EnvInstanceProfile = "PACKHORSE_INSTANCE_PROFILE"
	EnvExecutionRole   = "PACKHORSE_EXECUTION_ROLE"
	EnvDeadLetters     = "PACKHORSE_DEAD_LETTERS"
	EnvLogGroups       = "PACKHORSE_LOG_GROUPS"  // ARNs of log groups, separated by commas
	EnvIdleWindow      = "PACKHORSE_IDLE_WINDOW" // a duration such as 90s; empty is DefaultIdleWindow
	EnvRegion          = "AWS_REGION"            // Lambda sets it
)

// FromEnvironment reads the settings; get is os.Getenv. Its error names what is missing.
func FromEnvironment(get func(string) string) (Settings, error) {
	s := Settings{
		Table: get(EnvTable), Deployment: get(EnvDeployment), Keys: get(EnvKeys),
		InstanceProfile: get(EnvInstanceProfile), ExecutionRole: get(EnvExecutionRole), DeadLetters: get(EnvDeadLetters),
		Account: batch.Account{Region: get(EnvRegion)},
	}
	for _, required := range []struct{ name, value string }{
		{EnvTable, s.Table}, {EnvDeployment, s.Deployment}, {EnvKeys, s.Keys}, {EnvExecutionRole, s.ExecutionRole}, {EnvRegion, s.Account.Region},
	} {
		if required.value == "" {
			return s, fmt.Errorf("the variable %s is not set: functions are started with what infra/template.yaml gives them", required.name)
		}
	}
	for arn := range strings.SplitSeq(get(EnvLogGroups), ",") {
		if arn = strings.TrimSpace(arn); arn == "" {
			continue
		}
		// arn:aws:logs:eu-central-1:123456789012:log-group:/lab/jobs:*
		_, name, ok := strings.Cut(arn, ":log-group:")
		if name = strings.TrimSuffix(name, ":*"); !ok || name == "" || strings.Contains(name, "*") {
			return s, fmt.Errorf("the variable %s has %q: it must be the ARN of a log group, such as arn:aws:logs:REGION:ACCOUNT:log-group:/lab/jobs:*", EnvLogGroups, arn)
		}
		s.LogGroups = append(s.LogGroups, name)
	}
	s.IdleWindow = DefaultIdleWindow
	if text := get(EnvIdleWindow); text != "" {
		var err error
		if s.IdleWindow, err = time.ParseDuration(text); err != nil || s.IdleWindow < 0 {
			return s, fmt.Errorf("the variable %s is %q: it must be a duration such as 90s", EnvIdleWindow, text)
		}
	}
	// arn:aws:iam::123456789012:role/name
	parts := strings.SplitN(s.ExecutionRole, ":", 6)
	const accountDigits = 12
	if len(parts) != 6 || len(parts[4]) != accountDigits {
		return s, fmt.Errorf("the variable %s is %q: it must be the ARN of a role, which also says which account this is", EnvExecutionRole, s.ExecutionRole)
	}
	s.Account.ID = parts[4]
	return s, nil
}
