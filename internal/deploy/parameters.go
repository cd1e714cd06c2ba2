package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/packhorse-batch/packhorse/infra"
)

// ours are the template's parameters that Deploy sets itself.
func ours() []string {
	names := []string{"ArtifactBucket", "Architecture"}
	for _, f := range infra.Functions() {
		names = append(names, f.Code)
	}
	return names
}

// CheckParameters refuses parameters that the template does not have, that are Deploy's
// own, or whose value is not one of those that are possible.
func CheckParameters(given map[string]string) error {
	known := infra.Parameters()
	for name, value := range given {
		i := slices.IndexFunc(known, func(p infra.Parameter) bool { return p.Name == name })
		switch {
		case name == "Architecture":
			return &Error{Message: "Architecture is not set as a parameter", Next: "give --arch arm64 or --arch x86_64"}
		case i < 0 || slices.Contains(ours(), name):
			return &Error{Message: fmt.Sprintf("the template has no parameter %q to set", name), Next: "use one of " + strings.Join(settable(known), ", ")}
		case len(known[i].Allowed) > 0 && !slices.Contains(known[i].Allowed, value):
			return &Error{
				Message: fmt.Sprintf("the parameter %s cannot be %q", name, value),
				Next:    "give one of " + strings.Join(known[i].Allowed, ", "),
			}
		}
	}
	return nil
}

func settable(known []infra.Parameter) []string {
	var names []string
	for _, p := range known {
		if !slices.Contains(ours(), p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// stackParameters are those of a stack's change: what is given, else what the stack has
// now, else the template's default. All are said in full: imitations of AWS take an
// UsePreviousValue, or a value that was a default before, for a change or an error.
func stackParameters(given map[string]string, current *types.Stack) []types.Parameter {
	var list []types.Parameter
	for _, p := range infra.Parameters() {
		value, ok := given[p.Name]
		switch {
		case ok:
		case current != nil && hasParameter(*current, p.Name):
			value = parameter(*current, p.Name)
		case p.Default != nil:
			value = *p.Default
		default:
			continue // whoever forgot it is told so by CloudFormation
		}
		list = append(list, types.Parameter{ParameterKey: aws.String(p.Name), ParameterValue: aws.String(value)})
	}
	return list
}

func hasParameter(stack types.Stack, name string) bool {
	return slices.ContainsFunc(stack.Parameters, func(p types.Parameter) bool { return aws.ToString(p.ParameterKey) == name })
}

// parameter is the value that a stack has of a parameter.
func parameter(stack types.Stack, name string) string {
	for _, p := range stack.Parameters {
		if aws.ToString(p.ParameterKey) == name {
			return aws.ToString(p.ParameterValue)
		}
	}
	return ""
}
