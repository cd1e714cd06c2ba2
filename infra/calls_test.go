package infra

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// call matches a method of a consumer's interface: the part of an SDK client that some
// file calls. `DescribeVpcs(context.Context, *ec2.DescribeVpcsInput, ...func(`
var call = regexp.MustCompile(`(?m)^\s+(\w+)\(context\.Context, \*(\w+)\.\w+Input, \.\.\.func\(`)

// prefixes are those of IAM where they are not the names of the SDK's packages.
var prefixes = map[string]string{"cloudwatchlogs": "logs"}

// calls lists what the code of a folder calls, as actions of IAM.
func calls(t *testing.T, folder string, except ...string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	found := map[string]bool{}
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllSubmatch(text, -1) {
			service := string(m[2])
			if prefix := prefixes[service]; prefix != "" {
				service = prefix
			}
			if action := service + ":" + string(m[1]); !slices.Contains(except, action) {
				found[action] = true
			}
		}
	}
	return found
}

// allowed lists the actions of some managed policies, or of roles by themselves.
func allowed(t *testing.T, policies ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, s := range statements(t) {
		policy, _, _ := strings.Cut(s.where, ".")
		if slices.Contains(policies, policy) && len(s.resources) > 0 { // without: whom a role trusts
			for _, action := range s.actions {
				found[action] = true
			}
		}
	}
	return found
}

// implied are actions that no code calls by name, and what asks for them.
var implied = map[string]string{
	"ec2:RunInstances": "CreateFleet of the type instant launches in the caller's name",
	"ecs:TagResource":  "CreateCluster, RegisterTaskDefinition and RunTask with tags ask for it",

	"logs:CreateLogStream": "Lambda writes the function's own log in its name",
	"logs:PutLogEvents":    "Lambda writes the function's own log in its name",
}

func TestFunctionsMayDoWhatTheirCodeCallsAndNoMore(t *testing.T) {
	tests := map[string]struct {
		called, allowed map[string]bool
	}{
		"hosts and tasks": {
			calls(t, "compute/amazon"),
			allowed(t, "ComputeLookPolicy", "ComputeDrainPolicy", "ComputeActPolicy"),
		},
		"what api asks beside its records": {
			calls(t, "internal/account"),
			allowed(t, "ApiRole"),
		},
		"what sweep asks beside them": {
			calls(t, "internal/account/prices"),
			allowed(t, "SweepRole"),
		},
		// The template makes the table; a transaction asks for the rights to its parts.
		"records": {
			calls(t, "store/dynamo", "dynamodb:CreateTable", "dynamodb:UpdateTimeToLive", "dynamodb:TransactWriteItems"),
			allowed(t, "RecordsPolicy"),
		},
	}
	for name, tt := range tests {
		for _, action := range slices.Sorted(maps.Keys(tt.called)) {
			if !tt.allowed[action] {
				t.Errorf("%s: the code calls %s, which the template allows no function: add it, and to docs/permissions.md", name, action)
			}
		}
		for _, action := range slices.Sorted(maps.Keys(tt.allowed)) {
			if !tt.called[action] && implied[action] == "" {
				t.Errorf("%s: the template allows %s, which no code calls: remove it, or say in implied what asks for it", name, action)
			}
		}
	}
}

// docs/permissions.md explains every action of the template, and none that is not there.
func TestPermissionsAreExplained(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "permissions.md"))
	if err != nil {
		t.Fatal(err)
	}
	roles, _, _ := strings.Cut(string(page), "## Whoever deploys")
	explained := map[string]bool{}
	for _, action := range regexp.MustCompile("`([a-z0-9]+:[A-Z][A-Za-z]+)`").FindAllStringSubmatch(roles, -1) {
		explained[action[1]] = true
	}
	inUse := map[string]bool{}
	for _, s := range statements(t) {
		if len(s.resources) == 0 {
			continue // whom a role trusts
		}
		for _, action := range s.actions {
			inUse[action] = true
		}
	}
	for _, action := range slices.Sorted(maps.Keys(inUse)) {
		if !explained[action] {
			t.Errorf("docs/permissions.md does not say why a role may %s", action)
		}
	}
	for _, action := range slices.Sorted(maps.Keys(explained)) {
		if !inUse[action] && !strings.HasPrefix(action, "lambda:") {
			t.Errorf("docs/permissions.md explains %s, which no role may", action)
		}
	}
}
