package infra

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// statement is one statement of a policy, and where in the template it is.
type statement struct {
	where     string
	effect    string
	actions   []string
	resources []string // none in a policy that says whom to trust
	principal any
	condition map[string]any
}

// statements finds every policy statement of the template, whatever it hangs on: roles,
// managed policies, policies of queues.
func statements(t *testing.T) []statement {
	t.Helper()
	var found []statement
	var look func(where string, value any)
	look = func(where string, value any) {
		switch v := value.(type) {
		case map[string]any:
			if effect, ok := v["Effect"].(string); ok {
				condition, _ := v["Condition"].(map[string]any)
				found = append(found, statement{where, effect, texts(v["Action"]), texts(v["Resource"]), v["Principal"], condition})
				if v["NotAction"] != nil || v["NotResource"] != nil {
					t.Errorf("%s says what is not allowed; name what is", where)
				}
				return
			}
			for _, name := range slices.Sorted(maps.Keys(v)) {
				look(where+"."+name, v[name])
			}
		case []any:
			for i, one := range v {
				look(fmt.Sprintf("%s[%d]", where, i), one)
			}
		}
	}
	for name, r := range resources(t) {
		look(name, r.properties)
	}
	if len(found) < 20 {
		t.Fatalf("found %d statements; this test does not read the template as it is written", len(found))
	}
	return found
}

func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, fmt.Sprint(one))
		}
		return all
	}
	return nil
}

// withoutResources lists the actions that AWS lets nobody limit to resources: in the
// Service Authorization Reference their column "Resource types" is empty, so that a
// policy must say "*".
var withoutResources = map[string]string{
	"ec2:DescribeInstances":              "descriptions of EC2 are for a region",
	"ec2:DescribeInstanceTypes":          "descriptions of EC2 are for a region",
	"ec2:DescribeLaunchTemplateVersions": "descriptions of EC2 are for a region",
	"ec2:DescribeSpotPriceHistory":       "descriptions of EC2 are for a region",
	"ec2:DescribeSubnets":                "descriptions of EC2 are for a region",
	"ec2:DescribeTags":                   "descriptions of EC2 are for a region",
	"ec2:DescribeVpcs":                   "descriptions of EC2 are for a region",
	"ecr:GetAuthorizationToken":          "the token is for a registry, not for a repository",
	"ecs:DiscoverPollEndpoint":           "asks where to poll, of no resource",
	"ecs:ListTasks":                      "of a whole cluster it is authorized on \"*\" (denied otherwise: \"not authorized to perform: ecs:ListTasks on resource: *\"); the cluster is a condition",
	"ecs:RegisterTaskDefinition":         "authorized on \"*\" (denied otherwise: \"not authorized to perform: ecs:RegisterTaskDefinition on resource: *\"); the deployment's tag is a condition",
	"ecs:ListClusters":                   "lists all there are",
	"pricing:GetProducts":                "price lists are public, and nobody's",
}

func TestNoActionIsAStar(t *testing.T) {
	for _, s := range statements(t) {
		for _, action := range s.actions {
			if strings.Contains(action, "*") {
				t.Errorf("%s allows %s; name the actions", s.where, action)
			}
		}
	}
}

func TestAStarIsAResourceOnlyWhereAWSSupportsNoBetter(t *testing.T) {
	used := map[string]bool{}
	for _, s := range statements(t) {
		if !slices.Contains(s.resources, "*") {
			continue
		}
		for _, action := range s.actions {
			used[action] = true
			if withoutResources[action] == "" {
				t.Errorf(`%s allows %s on "*"; name the resources, or say in withoutResources that AWS cannot limit it`, s.where, action)
			}
		}
	}
	for action := range withoutResources {
		if !used[action] {
			t.Errorf("withoutResources has %s, which no statement allows on \"*\": remove it", action)
		}
	}
}

// The other way round: such an action on named resources would allow nothing, and the
// function would fail on its first call.
func TestActionsThatKnowNoResourcesAreAllowedAtAll(t *testing.T) {
	for _, s := range statements(t) {
		for _, action := range s.actions {
			if withoutResources[action] != "" && !slices.Contains(s.resources, "*") {
				t.Errorf(`%s allows %s on %v, which allows nothing: it needs "*"`, s.where, action, s.resources)
			}
		}
	}
}

func TestRolesArePassedOnlyToServicesAndOnlySome(t *testing.T) {
	for _, s := range statements(t) {
		for _, action := range s.actions {
			condition, _ := s.condition["StringEquals"].(map[string]any)
			switch action {
			case "iam:PassRole":
				if condition["iam:PassedToService"] == nil {
					t.Errorf("%s passes roles to any service: add the condition iam:PassedToService", s.where)
				}
				for _, r := range s.resources {
					if strings.HasSuffix(r, ":role/*") {
						t.Errorf("%s passes every role: %s", s.where, r)
					}
				}
			case "iam:CreateServiceLinkedRole":
				if condition["iam:AWSServiceName"] == nil {
					t.Errorf("%s makes roles for any service: add the condition iam:AWSServiceName", s.where)
				}
			default:
				if strings.HasPrefix(action, "iam:") {
					t.Errorf("%s allows %s; functions change nothing in IAM", s.where, action)
				}
			}
		}
	}
}

// What ends or changes something in EC2 asks for the deployment's tag, on what exists
// or on what is made; so one deployment cannot touch another, or anything else. (Other
// tags may be put on what is being made.)
func TestEC2IsChangedOnlyUnderTheDeploymentsTag(t *testing.T) {
	tags := []string{"aws:RequestTag/" + DeploymentTag, "aws:ResourceTag/" + DeploymentTag, "ec2:CreateAction"}
	for _, s := range statements(t) {
		if len(s.resources) == 0 || !slices.ContainsFunc(s.actions, changesEC2) {
			continue
		}
		made := slices.ContainsFunc(s.resources, func(r string) bool {
			return strings.HasSuffix(r, ":instance/*") || strings.HasSuffix(r, ":launch-template/*")
		})
		condition, _ := s.condition["StringEquals"].(map[string]any)
		if made && !slices.ContainsFunc(tags, func(tag string) bool { return condition[tag] != nil }) {
			t.Errorf("%s: %v on %v without a condition on %s", s.where, s.actions, s.resources, DeploymentTag)
		}
	}
}

func changesEC2(action string) bool {
	return strings.HasPrefix(action, "ec2:") && !strings.HasPrefix(action, "ec2:Describe")
}

// Whoever is let in from outside is a service, and for our own account only. The one
// door for everybody is the function URL, whose function verifies signatures.
func TestOnlyTheURLIsOpenToEverybody(t *testing.T) {
	for name, r := range resources(t) {
		if r.kind != "AWS::Lambda::Permission" {
			continue
		}
		public := r.properties["Principal"] == "*"
		switch {
		case public && name != "ApiUrlPermission" && name != "ApiInvokePermission":
			t.Errorf("%s lets everybody call %v", name, r.properties["FunctionName"])
		case !public && r.properties["SourceArn"] == nil:
			t.Errorf("%s lets %v call for anybody: add a SourceArn", name, r.properties["Principal"])
		}
	}
	for _, s := range statements(t) {
		if s.principal == "*" {
			t.Errorf("%s is open to everybody", s.where)
		}
	}
}

// A managed policy holds 6,144 characters, white space aside. Source: IAM user guide,
// "IAM and AWS STS quotas". Names are counted at their longest.
func TestPoliciesFit(t *testing.T) {
	const most = 6144
	longest := strings.NewReplacer(
		"${AWS::Partition}", "aws-us-gov", "${AWS::Region}", "ap-southeast-1", "${AWS::AccountId}", "123456789012",
		"${AWS::StackName}", strings.Repeat("n", 32), "AWS::StackName", strings.Repeat("n", 32))
	for name, r := range resources(t) {
		if r.kind != "AWS::IAM::ManagedPolicy" {
			continue
		}
		text, err := json.Marshal(r.properties["PolicyDocument"])
		if err != nil {
			t.Fatal(err)
		}
		if n := len(longest.Replace(string(text))); n > most {
			t.Errorf("%s has up to %d characters, more than the %d of a managed policy: part it", name, n, most)
		}
	}
}
