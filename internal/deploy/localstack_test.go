package deploy_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/packhorse-batch/packhorse/infra"
	"github.com/packhorse-batch/packhorse/infra/fleet"
	"github.com/packhorse-batch/packhorse/internal/deploy"
	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// notHere are the services that LocalStack lacks as package peers starts it: Lambda
// fetches its runtime from the internet, DynamoDB is another peer, CloudWatch is not
// installed.
var notHere = []string{"AWS::Lambda::", "AWS::DynamoDB::", "AWS::CloudWatch::"}

// block is a resource or an output of the template, with its name and, in front, the
// comments above it.
var block = regexp.MustCompile(`(?m)^  ([A-Za-z0-9]+):\n(?:    .*\n|\n|  #.*\n)+`)

// withoutServices is the template without the resources of some services. What refers to
// them is given the ARN of a function that is not there.
func withoutServices(template string, services []string) string {
	head, rest, _ := strings.Cut(template, "\nResources:\n")
	body, outputs, _ := strings.Cut(rest, "\nOutputs:\n")
	var gone []string
	keep := func(drop func(text string) bool) func(string) string {
		return func(text string) string {
			if drop(text) {
				gone = append(gone, block.FindStringSubmatch(text)[1])
				return ""
			}
			return text
		}
	}
	body = block.ReplaceAllStringFunc(body+"\n", keep(func(text string) bool {
		return slices.ContainsFunc(services, func(s string) bool { return strings.Contains(text, "Type: "+s) })
	}))
	const nothing = "arn:aws:lambda:eu-west-2:000000000000:function:none"
	outputs = block.ReplaceAllStringFunc(outputs+"\n", keep(func(text string) bool {
		return slices.ContainsFunc(gone, func(name string) bool {
			return regexp.MustCompile(`!(Ref|GetAtt) ` + name + `\b`).MatchString(text)
		})
	}))
	for _, name := range gone {
		body = regexp.MustCompile(`!Ref `+name+`\b|!GetAtt `+name+`\.\w+`).ReplaceAllString(body, nothing)
		body = regexp.MustCompile(`\$\{`+name+`(\.\w+)?\}`).ReplaceAllString(body, nothing)
	}
	return head + "\nResources:\n" + body + "\nOutputs:\n" + outputs
}

// What LocalStack has of the stack comes and goes, with an event for each resource, as
// with AWS. It has no ECS; a fake stands in for that.
func TestOnLocalStackTheStackComesAndGoes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute, most of it the start of LocalStack")
	}
	endpoint := peers.LocalStack(t)
	cfg := aws.Config{
		Region: "eu-west-2", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	account := deploy.Open(cfg, fleet.Open(cfg))
	account.Clusters = &fakeClusters{}
	account.Template = withoutServices(infra.Template(), notHere)
	ctx := t.Context()
	var made, deleted, failed []string
	progress := func(e deploy.Event) {
		switch {
		case e.Status == "CREATE_COMPLETE":
			made = append(made, e.Resource)
		case e.Status == "DELETE_COMPLETE":
			deleted = append(deleted, e.Resource)
		case e.Failed():
			failed = append(failed, e.Resource+": "+e.Reason)
		}
	}
	result, err := account.Deploy(ctx, deploy.Options{
		Name: "local", Functions: zips(t, "one"), Parameters: map[string]string{"Alarms": "false", "JobRoles": "arn:aws:iam::000000000000:role/job"},
	}, progress)
	if err != nil {
		t.Fatalf("deploy: %v; %q", err, failed)
	}
	for _, want := range []string{"PassRole", "ComputeActPolicy", "NamedJobRolesPolicy", "HostProfile", "TasksRule", "PassDeadLetters", "DeadLettersPolicy", "ApiLogs", "local"} {
		if !slices.Contains(made, want) {
			t.Errorf("no event told that %s was made: %q", want, made)
		}
	}
	if result.Outputs["InstanceProfile"] == "" || result.Outputs["PassDeadLetters"] == "" {
		t.Errorf("outputs %v, want those of what was made", result.Outputs)
	}
	if again, err := account.Deploy(ctx, deploy.Options{Name: "local", Functions: zips(t, "one")}, progress); err != nil || again.Created {
		t.Errorf("deploy again = %+v, %v, want what is there", again, err)
	}
	if err := account.Destroy(ctx, deploy.DestroyOptions{Name: "local"}, progress); err != nil {
		t.Fatalf("destroy: %v; %q", err, failed)
	}
	if !slices.Contains(deleted, "PassRole") || len(failed) > 0 {
		t.Errorf("told as deleted %q, as failed %q", deleted, failed)
	}
	if _, err := account.Status(ctx, "local"); !errors.Is(err, deploy.ErrNone) {
		t.Errorf("status after it = %v, want no deployment", err)
	}
}
