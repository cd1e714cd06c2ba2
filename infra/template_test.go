package infra

import (
	"os/exec"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// parsed is the template without its short functions: a `!Sub text` reads as the text
// and a `!If [a, b, c]` as a list. What it cannot be is a value of another kind, so
// "*" is a star and nothing else.
func parsed(t *testing.T) map[string]any {
	t.Helper()
	var all map[string]any
	if err := yaml.Unmarshal([]byte(Template()), &all); err != nil {
		t.Fatalf("template.yaml: %v", err)
	}
	return all
}

// resources are the properties of the template's resources by logical name.
func resources(t *testing.T) map[string]resource {
	t.Helper()
	found := map[string]resource{}
	for name, r := range parsed(t)["Resources"].(map[string]any) {
		r := r.(map[string]any)
		properties, _ := r["Properties"].(map[string]any)
		found[name] = resource{kind: r["Type"].(string), properties: properties, whole: r}
	}
	return found
}

type resource struct {
	kind       string
	properties map[string]any
	whole      map[string]any
}

func TestFitsIntoOneCall(t *testing.T) {
	if n := len(Compact(Template())); n > MaxBody {
		t.Errorf("template.yaml has %d bytes without comments, more than the %d that CreateStack takes", n, MaxBody)
	}
}

func TestIsCleanToTheLinterOfCloudFormation(t *testing.T) {
	linter, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("needs cfn-lint: pip install -r build/python-clients.txt, which `make test` does")
	}
	// Informational rules, too: they are about encryption, retention and deletion.
	out, err := exec.Command(linter, "--include-checks", "I", "--regions", "us-east-1", "eu-central-1", "--", "template.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// Each function is there with all that belongs to one, under the names that packages
// functions and internal/deploy know.
func TestEachFunctionHasCodeLogsAndSettings(t *testing.T) {
	all := resources(t)
	settings := []string{
		"PACKHORSE_TABLE", "PACKHORSE_DEPLOYMENT", "PACKHORSE_KEYS", "PACKHORSE_INSTANCE_PROFILE",
		"PACKHORSE_EXECUTION_ROLE", "PACKHORSE_DEAD_LETTERS",
	}
	for _, f := range Functions() {
		logical := strings.TrimSuffix(f.Code, "Code")
		function, logs := all[logical+"Function"], all[logical+"Logs"]
		if got, want := function.properties["FunctionName"], "${AWS::StackName}-"+f.Name; got != want {
			t.Errorf("%s: FunctionName %v, want %s", logical, got, want)
		}
		if got := function.properties["Code"].(map[string]any)["S3Key"]; got != f.Code {
			t.Errorf("%s: code at the parameter %v, want %s", logical, got, f.Code)
		}
		if got, want := logs.properties["LogGroupName"], "/aws/lambda/${AWS::StackName}-"+f.Name; got != want {
			t.Errorf("%s: logs in %v, want %s", logical, got, want)
		}
		variables := function.properties["Environment"].(map[string]any)["Variables"].(map[string]any)
		for _, name := range settings {
			if variables[name] == nil {
				t.Errorf("%s: no variable %s", logical, name)
			}
		}
	}
}

func TestNothingIsLeftBehindByDeletion(t *testing.T) {
	for name, r := range resources(t) {
		switch policy := r.whole["DeletionPolicy"]; policy {
		case nil, "Delete":
		default:
			t.Errorf("%s has the DeletionPolicy %v: the stack would leave it behind", name, policy)
		}
	}
}

// Log groups that nobody bounds grow for ever.
func TestLogsEnd(t *testing.T) {
	for name, r := range resources(t) {
		if r.kind == "AWS::Logs::LogGroup" && r.properties["RetentionInDays"] == nil {
			t.Errorf("%s has no RetentionInDays", name)
		}
	}
}

func TestParametersAreDescribed(t *testing.T) {
	must := map[string]bool{"ArtifactBucket": true}
	for _, f := range Functions() {
		must[f.Code] = true
	}
	for _, p := range Parameters() {
		if p.Description == "" {
			t.Errorf("parameter %s has no Description", p.Name)
		}
		if given := p.Default == nil; given != must[p.Name] {
			t.Errorf("parameter %s must be given: %t, want %t; whoever deploys gives bucket and code and nothing else", p.Name, given, must[p.Name])
		}
	}
}
