package cli

import "testing"

// The last lines of a job come late where CloudWatch Logs has them: on AWS, and behind the
// address of a deployment.
func TestLogsComeLateFromAnAccount(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"": true,
		"https://abc.lambda-url.eu-west-1.on.aws": true,
		"http://127.0.0.1:4600":                   false,
		"http://localhost:4600":                   false,
	} {
		if got := (target{endpoint: endpoint}).logsComeLate(); got != want {
			t.Errorf("logs of %q come late: %t, want %t", endpoint, got, want)
		}
	}
}
