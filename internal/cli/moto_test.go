package cli

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/internal/pause"
	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// post sends a request to moto, signed for a service as far as moto looks.
func post(t *testing.T, url, service, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if service != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20260501/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=x")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("POST %s %s: %s, %v\n%s", url, body, resp.Status, err, text)
	}
	return string(text)
}

// The commands work against a server that others wrote, as they are.
func TestAgainstMoto(t *testing.T) {
	address := peers.Moto(t)
	post(t, address+"/moto-api/config", "", `{"batch": {"use_docker": false}}`) // jobs succeed by themselves
	first := func(pattern, text string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in %s", pattern, text)
		}
		return m[1]
	}
	role := first(`<Arn>(.*?)</Arn>`, post(t, address, "iam", "Action=CreateRole&Version=2010-05-08&RoleName=batch&AssumeRolePolicyDocument={}"))
	profile := first(`<Arn>(.*?)</Arn>`, post(t, address, "iam", "Action=CreateInstanceProfile&Version=2010-05-08&InstanceProfileName=host"))
	subnet := first(`<subnetId>(.*?)</subnetId>`, post(t, address, "ec2", "Action=DescribeSubnets&Version=2016-11-15"))
	group := first(`<groupId>(.*?)</groupId>`, post(t, address, "ec2", "Action=DescribeSecurityGroups&Version=2016-11-15"))

	w := newWorld(t)
	w.env["PACKHORSE_ENDPOINT"] = address
	for range 100 { // bounds each wait: a job of moto's takes moments
		w.script = append(w.script, func() { _ = pause.For(t.Context(), pollNear) })
	}
	w.in = fmt.Sprintf(`
computeEnvironments:
- computeEnvironmentName: fleet
  type: MANAGED
  state: ENABLED
  serviceRole: %s
  computeResources:
    type: EC2
    minvCpus: 0
    maxvCpus: 16
    instanceTypes: [t2.small]
    subnets: [%s]
    securityGroupIds: [%s]
    instanceRole: %s
jobQueues:
- jobQueueName: high
  priority: 10
  state: ENABLED
  computeEnvironmentOrder: [{order: 1, computeEnvironment: fleet}]
schedulingPolicies:
- {name: teams, fairsharePolicy: {shareDecaySeconds: 600}}
jobDefinitions:
- jobDefinitionName: hello
  type: container
  retryStrategy: {attempts: 2}
  containerProperties:
    image: busybox
    command: [echo, hello]
    environment: [{name: A, value: b}]
    resourceRequirements: [{type: VCPU, value: 1}, {type: MEMORY, value: 512}]
`, role, subnet, group, profile)
	if got := w.ok("apply", "-f", "-"); !strings.HasSuffix(got, "environment/fleet: created\nqueue/high: created\ndefinition/hello: registered as revision 1\n") {
		t.Errorf("apply:\n%s", got)
	}
	if got := w.ok("apply", "-f", "-"); strings.Count(got, ": unchanged\n") != 4 {
		t.Errorf("apply again:\n%s", got)
	}

	w.ok("run", "--definition", "hello")
	if got := w.err.String(); !strings.Contains(got, " SUCCEEDED") {
		t.Errorf("run:\n%s", got)
	}
	id := strings.TrimSpace(w.ok("submit", "--image", "alpine:3.20", "--array", "3", "--memory", "1GiB", "--", "echo", "hi"))
	w.ok("submit", "--image", "alpine:3.20", "--name", "second")
	if got := w.ok("definitions", "--all", "-q"); strings.Count(got, "adhoc-alpine-3-20") != 1 {
		t.Errorf("definitions after two jobs of one image:\n%s", got)
	}
	w.ok("wait", id+":0", id+":1", id+":2", "second")
	for _, args := range [][]string{
		{"jobs"}, {"jobs", "-o", "wide"}, {"jobs", "-o", "json"}, {"jobs", "--array", id}, {"jobs", "--name", "sec*"},
		{"describe", id + ":0"}, {"describe", id, "-o", "json"}, {"explain", "second"}, {"logs", "second"}, {"terminate", "second"},
		{"queues"}, {"queues", "high"}, {"environments"}, {"environments", "fleet"}, {"definitions"}, {"definitions", "hello"},
	} {
		if w.ok(args...) == "" && args[0] != "logs" {
			t.Errorf("packhorse %s says nothing", strings.Join(args, " "))
		}
	}
	if got := w.fails(ExitFailure, "submit", "--queue", "nope", "--definition", "hello"); !strings.Contains(got, "use one that exists: high") {
		t.Errorf("a queue that does not exist:\n%s", got)
	}
}
