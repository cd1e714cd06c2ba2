// Package infra holds the CloudFormation template of a deployment in an AWS account:
// one table, five functions and their triggers, the roles of all, and the alarms.
//
// The template is written by hand, in template.yaml, and is complete: it can be made
// into a stack without this program, given a bucket with the zipped functions. Package
// internal/deploy does that, and cares for what a stack cannot hold. What the functions
// make while they work (instances, clusters, launch templates, task definitions) is
// outside of the stack and carries the tag [DeploymentTag].
package infra

import (
	_ "embed"
	"fmt"
	"slices"

	"sigs.k8s.io/yaml"
)

// DeploymentTag is on all that belongs to a deployment; its value is the deployment's
// name, which is also the name of its stack.
const DeploymentTag = "packhorse:deployment"

// MaxBody is how long a template may be that is sent as it is, in bytes; a longer one
// must be put into a bucket. Source: CloudFormation user guide, "Understand
// CloudFormation quotas".
const MaxBody = 51_200

//go:embed template.yaml
var template string

// Template returns the template as it is written; Compact makes of it what is sent.
func Template() string { return template }

// Function is one of the deployment's Lambda functions.
type Function struct {
	Name string // of the folder functions/NAME, the zip and, behind the stack's name, the function
	Code string // parameter of the template that takes the key of its zip
}

// Functions lists the functions of a deployment.
func Functions() []Function {
	return []Function{
		{"api", "ApiCode"}, {"pass", "PassCode"}, {"events", "EventsCode"}, {"sweep", "SweepCode"}, {"s3trigger", "S3TriggerCode"},
	}
}

// Resources counts the resources of a template, those under conditions included.
func Resources(template string) int {
	var parsed struct{ Resources map[string]any }
	if yaml.Unmarshal([]byte(template), &parsed) != nil {
		return 0 // CloudFormation will say what is wrong with it
	}
	return len(parsed.Resources)
}

// Parameter is one of the template's.
type Parameter struct {
	Name        string
	Description string
	Default     *string // nil: it must be given
	Allowed     []string
}

// Parameters lists the template's parameters by name.
func Parameters() []Parameter {
	var parsed struct {
		Parameters map[string]struct {
			Description   string
			Default       any
			AllowedValues []any
		}
	}
	if err := yaml.Unmarshal([]byte(template), &parsed); err != nil {
		panic(fmt.Sprintf("infra: template.yaml: %v", err)) // a test reads it, too
	}
	var list []Parameter
	for name, p := range parsed.Parameters {
		parameter := Parameter{Name: name, Description: p.Description}
		if p.Default != nil {
			text := fmt.Sprint(p.Default)
			parameter.Default = &text
		}
		for _, v := range p.AllowedValues {
			parameter.Allowed = append(parameter.Allowed, fmt.Sprint(v))
		}
		list = append(list, parameter)
	}
	slices.SortFunc(list, func(x, y Parameter) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return list
}
