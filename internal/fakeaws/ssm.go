package fakeaws

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// SSM has the methods of the SDK's SSM client that Packhorse calls.
type SSM struct{ c *Cloud }

// SSM returns the cloud's parameter store.
func (c *Cloud) SSM() *SSM { return &SSM{c} }

// parameter is one parameter; a SecureString's value is kept in clear.
type parameter struct {
	is          types.Parameter
	description *string
}

// cipher stands for the encrypted value of a SecureString.
const cipher = "AQICAHencrypted"

// The public parameters that name the ECS images, and what each image runs on.
var ecsImages = []struct{ path, arch, image string }{
	{"/aws/service/ecs/optimized-ami/amazon-linux-2/recommended", catalog.X86, "ami-0a2000000000000e1"},
	{"/aws/service/ecs/optimized-ami/amazon-linux-2/arm64/recommended", catalog.ARM, "ami-0a2000000000000e2"},
	{"/aws/service/ecs/optimized-ami/amazon-linux-2/gpu/recommended", catalog.X86, "ami-0a2000000000000e3"},
	{"/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended", catalog.X86, "ami-0a2023000000000e1"},
	{"/aws/service/ecs/optimized-ami/amazon-linux-2023/arm64/recommended", catalog.ARM, "ami-0a2023000000000e2"},
	{"/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended", catalog.X86, "ami-0a2023000000000e3"},
	{"/aws/service/ecs/optimized-ami/amazon-linux-2023/neuron/recommended", catalog.X86, "ami-0a2023000000000e4"},
	{"/aws/service/bottlerocket/aws-ecs-2/x86_64/latest", catalog.X86, "ami-0b0770000000000e1"},
	{"/aws/service/bottlerocket/aws-ecs-2/arm64/latest", catalog.ARM, "ami-0b0770000000000e2"},
	{"/aws/service/bottlerocket/aws-ecs-2-nvidia/x86_64/latest", catalog.X86, "ami-0b0770000000000e3"},
}

// imageArch is the architecture of an ECS image, empty for others.
func (c *Cloud) imageArch(id string) string {
	for _, i := range ecsImages {
		if i.image == id {
			return i.arch
		}
	}
	return ""
}

// publicParameters puts what AWS publishes.
func (c *Cloud) publicParameters() {
	for _, i := range ecsImages {
		c.publish(i.path+"/image_id", i.image)
		about, err := json.Marshal(map[string]any{
			"schema_version": 1, "image_name": "ecs-image-" + i.arch, "image_id": i.image, "os": "Linux",
			"ecs_runtime_version": "Docker version 25.0.8", "ecs_agent_version": agentVersion,
		})
		if err != nil {
			panic("fakeaws: an image has no form in JSON: " + err.Error()) // strings and a number
		}
		c.publish(i.path, string(about))
	}
}

func (c *Cloud) publish(name, text string) {
	c.parameters[name] = &parameter{is: types.Parameter{
		Name: &name, Value: &text, Type: types.ParameterTypeString, Version: 1, DataType: aws.String("text"),
		ARN: aws.String("arn:aws:ssm:" + c.o.Region + "::parameter" + name), LastModifiedDate: aws.Time(c.now()),
	}}
}

// find finds a parameter by its name or ARN.
func (c *Cloud) find(name string) *parameter {
	if p := c.parameters[name]; p != nil {
		return p
	}
	for _, p := range c.parameters {
		if *p.is.ARN == name {
			return p
		}
	}
	return nil
}

func (p *parameter) told(decrypt *bool) types.Parameter {
	is := p.is
	if is.Type == types.ParameterTypeSecureString && !value(decrypt) {
		is.Value = aws.String(cipher)
	}
	return is
}

// PutParameter sets a parameter; one that is there only with Overwrite.
func (s *SSM) PutParameter(ctx context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	return call(ctx, s.c, "ssm.PutParameter", in, func(in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
		name := value(in.Name)
		old := s.c.parameters[name]
		switch {
		case name == "" || in.Value == nil || *in.Value == "":
			return nil, refuse("ValidationException", "Name and Value must have at least one character")
		case strings.HasPrefix(strings.TrimPrefix(name, "/"), "aws") || strings.HasPrefix(strings.TrimPrefix(name, "/"), "ssm"):
			return nil, refuse("ValidationException", "No access to reserved parameter name: %s.", name)
		case old == nil && in.Type == "":
			return nil, refuse("ValidationException", "A parameter type is required when you create a parameter.")
		case old != nil && !value(in.Overwrite):
			return nil, refuse("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
		}
		p := &parameter{description: in.Description, is: types.Parameter{
			Name: in.Name, Value: in.Value, Type: in.Type, Version: 1, DataType: aws.String(cmp.Or(value(in.DataType), "text")),
			ARN: aws.String(s.c.arn("ssm", "parameter", strings.TrimPrefix(name, "/"))), LastModifiedDate: aws.Time(s.c.now()),
		}}
		if old != nil {
			p.is.Version, p.is.Type = old.is.Version+1, cmp.Or(in.Type, old.is.Type)
		}
		s.c.parameters[name] = p
		return &ssm.PutParameterOutput{Version: p.is.Version, Tier: types.ParameterTierStandard}, nil
	})
}

// GetParameter returns a parameter.
func (s *SSM) GetParameter(ctx context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	return call(ctx, s.c, "ssm.GetParameter", in, func(in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
		p := s.c.find(value(in.Name))
		if p == nil {
			return nil, refuse("ParameterNotFound", "")
		}
		is := p.told(in.WithDecryption)
		return &ssm.GetParameterOutput{Parameter: &is}, nil
	})
}

// GetParameters returns those of up to ten parameters that there are.
func (s *SSM) GetParameters(ctx context.Context, in *ssm.GetParametersInput, _ ...func(*ssm.Options)) (*ssm.GetParametersOutput, error) {
	return call(ctx, s.c, "ssm.GetParameters", in, func(in *ssm.GetParametersInput) (*ssm.GetParametersOutput, error) {
		if err := tenNames(in.Names); err != nil {
			return nil, err
		}
		out := &ssm.GetParametersOutput{}
		for _, name := range in.Names {
			if p := s.c.find(name); p != nil {
				out.Parameters = append(out.Parameters, p.told(in.WithDecryption))
			} else {
				out.InvalidParameters = append(out.InvalidParameters, name)
			}
		}
		return out, nil
	})
}

// GetParametersByPath returns the parameters right below a path, or all below it.
func (s *SSM) GetParametersByPath(ctx context.Context, in *ssm.GetParametersByPathInput, _ ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error) {
	return call(ctx, s.c, "ssm.GetParametersByPath", in, func(in *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error) {
		const page = 10 // the most, and what one gets without asking
		if !strings.HasPrefix(value(in.Path), "/") {
			return nil, refuse("ValidationException", "The parameter path must begin with /")
		}
		below := strings.TrimSuffix(*in.Path, "/") + "/"
		var all []types.Parameter
		for _, name := range slices.Sorted(maps.Keys(s.c.parameters)) {
			rest, ok := strings.CutPrefix(name, below)
			if ok && (value(in.Recursive) || !strings.Contains(rest, "/")) {
				all = append(all, s.c.parameters[name].told(in.WithDecryption))
			}
		}
		size := page
		if n := int(value(in.MaxResults)); n > 0 {
			size = min(n, page)
		}
		all, next, ok := pageOf(all, in.NextToken, size, func(p types.Parameter) string { return *p.Name })
		if !ok {
			return nil, refuse("InvalidNextToken", "The specified token isn't valid.")
		}
		return &ssm.GetParametersByPathOutput{Parameters: all, NextToken: next}, nil
	})
}

// DeleteParameter removes a parameter.
func (s *SSM) DeleteParameter(ctx context.Context, in *ssm.DeleteParameterInput, _ ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error) {
	return call(ctx, s.c, "ssm.DeleteParameter", in, func(in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
		if s.c.parameters[value(in.Name)] == nil {
			return nil, refuse("ParameterNotFound", "")
		}
		delete(s.c.parameters, *in.Name)
		return &ssm.DeleteParameterOutput{}, nil
	})
}

// DeleteParameters removes those of up to ten parameters that there are.
func (s *SSM) DeleteParameters(ctx context.Context, in *ssm.DeleteParametersInput, _ ...func(*ssm.Options)) (*ssm.DeleteParametersOutput, error) {
	return call(ctx, s.c, "ssm.DeleteParameters", in, func(in *ssm.DeleteParametersInput) (*ssm.DeleteParametersOutput, error) {
		if err := tenNames(in.Names); err != nil {
			return nil, err
		}
		out := &ssm.DeleteParametersOutput{}
		for _, name := range in.Names {
			if s.c.parameters[name] == nil {
				out.InvalidParameters = append(out.InvalidParameters, name)
				continue
			}
			delete(s.c.parameters, name)
			out.DeletedParameters = append(out.DeletedParameters, name)
		}
		return out, nil
	})
}

// tenNames bounds the calls that name several parameters.
func tenNames(names []string) error {
	const most = 10
	if n := len(names); n == 0 || n > most {
		return refuse("ValidationException", "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and %d", most)
	}
	return nil
}

// DescribeParameters lists the account's own parameters by name, without their values.
// The filters are Name (Equals, BeginsWith, Contains) and Type.
func (s *SSM) DescribeParameters(ctx context.Context, in *ssm.DescribeParametersInput, _ ...func(*ssm.Options)) (*ssm.DescribeParametersOutput, error) {
	return call(ctx, s.c, "ssm.DescribeParameters", in, func(in *ssm.DescribeParametersInput) (*ssm.DescribeParametersOutput, error) {
		const page = 50 // the most, and taken to be what one gets without asking
		var all []types.ParameterMetadata
		for _, name := range slices.Sorted(maps.Keys(s.c.parameters)) {
			p := s.c.parameters[name]
			if strings.HasPrefix(name, "/aws/service/") { // AWS's are not listed
				continue
			}
			passes, err := p.passes(in.ParameterFilters)
			if err != nil {
				return nil, err
			}
			if passes {
				all = append(all, types.ParameterMetadata{
					Name: p.is.Name, ARN: p.is.ARN, Type: p.is.Type, Version: p.is.Version, DataType: p.is.DataType,
					LastModifiedDate: p.is.LastModifiedDate, Description: p.description, Tier: types.ParameterTierStandard,
				})
			}
		}
		size := page
		if n := int(value(in.MaxResults)); n > 0 {
			size = min(n, page)
		}
		all, next, ok := pageOf(all, in.NextToken, size, func(p types.ParameterMetadata) string { return *p.Name })
		if !ok {
			return nil, refuse("InvalidNextToken", "The specified token isn't valid.")
		}
		return &ssm.DescribeParametersOutput{Parameters: all, NextToken: next}, nil
	})
}

// passes reports whether a parameter passes all filters.
func (p *parameter) passes(filters []types.ParameterStringFilter) (bool, error) {
	for _, f := range filters {
		has := *p.is.Name
		if value(f.Key) == "Type" {
			has = string(p.is.Type)
		} else if value(f.Key) != "Name" {
			return false, refuse("InvalidFilterKey", "The specified key isn't valid: %s; this parameter store has Name and Type.", value(f.Key))
		}
		if !slices.ContainsFunc(f.Values, func(v string) bool {
			switch value(f.Option) {
			case "BeginsWith":
				return strings.HasPrefix(has, v)
			case "Contains":
				return strings.Contains(has, v)
			}
			return has == v
		}) {
			return false, nil
		}
	}
	return true, nil
}
