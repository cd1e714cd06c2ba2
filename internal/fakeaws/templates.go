package fakeaws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws/shapes"
)

// template is a launch template with its versions, the first one at index 0.
type template struct {
	is       types.LaunchTemplate
	versions []types.LaunchTemplateVersion
}

// maxUserData is the most that user data may be before base64 (EC2 User Guide).
const maxUserData = 16 << 10

// CreateLaunchTemplate makes a template; names are unique.
func (e *EC2) CreateLaunchTemplate(ctx context.Context, in *ec2.CreateLaunchTemplateInput, _ ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateOutput, error) {
	return call(ctx, e.c, "ec2.CreateLaunchTemplate", in, e.c.createLaunchTemplate)
}

func (c *Cloud) createLaunchTemplate(in *ec2.CreateLaunchTemplateInput) (*ec2.CreateLaunchTemplateOutput, error) {
	asked := *in
	asked.ClientToken = nil
	print := fingerprint(asked)
	if r, known, same := c.recall("ec2.CreateLaunchTemplate", value(in.ClientToken), print); known {
		if !same {
			return nil, mismatch()
		}
		return r.answer.(*ec2.CreateLaunchTemplateOutput), nil
	}
	if value(in.LaunchTemplateName) == "" {
		return nil, refuse("MissingParameter", "The request must contain the parameter LaunchTemplateName")
	}
	if _, err := c.template(nil, in.LaunchTemplateName); err == nil {
		return nil, refuse("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.")
	}
	t := &template{is: types.LaunchTemplate{
		LaunchTemplateId: aws.String("lt-" + c.digits("template", 17)), LaunchTemplateName: in.LaunchTemplateName,
		CreateTime: aws.Time(c.now()), CreatedBy: aws.String(c.creator()), DefaultVersionNumber: aws.Int64(1), LatestVersionNumber: aws.Int64(1),
		Tags: tagsFor(in.TagSpecifications, types.ResourceTypeLaunchTemplate),
	}}
	if _, err := c.addVersion(t, in.LaunchTemplateData, in.VersionDescription, nil); err != nil {
		return nil, err
	}
	c.templates = append(c.templates, t)
	is := t.is
	out := &ec2.CreateLaunchTemplateOutput{LaunchTemplate: &is}
	c.remember("ec2.CreateLaunchTemplate", value(in.ClientToken), print, out)
	return out, nil
}

// CreateLaunchTemplateVersion adds a version to a template.
func (e *EC2) CreateLaunchTemplateVersion(ctx context.Context, in *ec2.CreateLaunchTemplateVersionInput, _ ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateVersionOutput, error) {
	return call(ctx, e.c, "ec2.CreateLaunchTemplateVersion", in, e.c.createLaunchTemplateVersion)
}

func (c *Cloud) createLaunchTemplateVersion(in *ec2.CreateLaunchTemplateVersionInput) (*ec2.CreateLaunchTemplateVersionOutput, error) {
	asked := *in
	asked.ClientToken = nil
	print := fingerprint(asked)
	if r, known, same := c.recall("ec2.CreateLaunchTemplateVersion", value(in.ClientToken), print); known {
		if !same {
			return nil, mismatch()
		}
		return r.answer.(*ec2.CreateLaunchTemplateVersionOutput), nil
	}
	t, err := c.template(in.LaunchTemplateId, in.LaunchTemplateName)
	if err != nil {
		return nil, err
	}
	var source *types.LaunchTemplateVersion
	if in.SourceVersion != nil {
		if source, err = t.version(*in.SourceVersion); err != nil {
			return nil, err
		}
	}
	version, err := c.addVersion(t, in.LaunchTemplateData, in.VersionDescription, source)
	if err != nil {
		return nil, err
	}
	out := &ec2.CreateLaunchTemplateVersionOutput{LaunchTemplateVersion: version}
	c.remember("ec2.CreateLaunchTemplateVersion", value(in.ClientToken), print, out)
	return out, nil
}

// addVersion adds a version with this data on top of that of source, member by member.
func (c *Cloud) addVersion(t *template, data *types.RequestLaunchTemplateData, description *string, source *types.LaunchTemplateVersion) (*types.LaunchTemplateVersion, error) {
	if data == nil {
		return nil, refuse("MissingParameter", "The request must contain the parameter LaunchTemplateData")
	}
	if data.UserData != nil {
		raw, err := base64.StdEncoding.DecodeString(*data.UserData)
		if err != nil {
			return nil, refuse("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
		}
		if len(raw) > maxUserData {
			return nil, refuse("InvalidParameterValue", "User data is limited to %d bytes", maxUserData)
		}
	}
	var is types.ResponseLaunchTemplateData
	if source != nil {
		is = *source.LaunchTemplateData
	}
	// The two shapes have the same members where they overlap, and EventJSON leaves out
	// what is not there.
	text, err := shapes.EventJSON(data)
	if err == nil {
		err = json.Unmarshal(text, &is)
	}
	if err != nil {
		return nil, fmt.Errorf("launch template data: %w", err)
	}
	version := types.LaunchTemplateVersion{
		LaunchTemplateId: t.is.LaunchTemplateId, LaunchTemplateName: t.is.LaunchTemplateName, LaunchTemplateData: &is,
		CreateTime: aws.Time(c.now()), CreatedBy: aws.String(c.creator()), VersionDescription: description,
		VersionNumber: aws.Int64(int64(len(t.versions) + 1)), DefaultVersion: aws.Bool(len(t.versions) == 0),
	}
	t.versions = append(t.versions, version)
	t.is.LatestVersionNumber = version.VersionNumber
	return &version, nil
}

func (c *Cloud) creator() string { return "arn:aws:iam::" + c.o.Account + ":root" }

// mismatch is what EC2 answers to a token that was used for something else.
func mismatch() error {
	return refuse("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
}

// template finds a template by its id or name.
func (c *Cloud) template(id, name *string) (*template, error) {
	for _, t := range c.templates {
		if id != nil && *t.is.LaunchTemplateId == *id || id == nil && name != nil && *t.is.LaunchTemplateName == *name {
			return t, nil
		}
	}
	switch {
	case id != nil:
		return nil, refuse("InvalidLaunchTemplateId.NotFound", "The specified launch template, with template ID %s, does not exist.", *id)
	case name != nil:
		return nil, refuse("InvalidLaunchTemplateName.NotFoundException", "The specified launch template, with template name %s, does not exist.", *name)
	}
	return nil, refuse("MissingParameter", "Either a launch template ID or a launch template name must be specified in the request.")
}

// version finds a version by its number, "$Latest" or "$Default"; empty is $Default.
func (t *template) version(name string) (*types.LaunchTemplateVersion, error) {
	number := value(t.is.DefaultVersionNumber)
	switch name {
	case "", "$Default":
	case "$Latest":
		number = value(t.is.LatestVersionNumber)
	default:
		n, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			return nil, refuse("InvalidLaunchTemplateVersion.Malformed", "The launch template version %s is malformed: a number, $Latest or $Default", name)
		}
		number = n
	}
	if number < 1 || number > int64(len(t.versions)) {
		return nil, refuse("InvalidLaunchTemplateId.VersionNotFound", "Could not find the specified version %s for the launch template with ID %s.", name, *t.is.LaunchTemplateId)
	}
	return &t.versions[number-1], nil
}

// DescribeLaunchTemplates lists templates; one that is asked for and not there is an
// error.
func (e *EC2) DescribeLaunchTemplates(ctx context.Context, in *ec2.DescribeLaunchTemplatesInput, _ ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplatesOutput, error) {
	return call(ctx, e.c, "ec2.DescribeLaunchTemplates", in, func(in *ec2.DescribeLaunchTemplatesInput) (*ec2.DescribeLaunchTemplatesOutput, error) {
		var all []types.LaunchTemplate
		for _, id := range in.LaunchTemplateIds {
			t, err := e.c.template(&id, nil)
			if err != nil {
				return nil, err
			}
			all = append(all, t.is)
		}
		for _, name := range in.LaunchTemplateNames {
			t, err := e.c.template(nil, &name)
			if err != nil {
				return nil, err
			}
			all = append(all, t.is)
		}
		if len(in.LaunchTemplateIds)+len(in.LaunchTemplateNames) == 0 {
			for _, t := range e.c.templates {
				all = append(all, t.is)
			}
		}
		all, err := filtered(all, in.Filters, func(t types.LaunchTemplate) fields {
			return func(name string) ([]string, bool) {
				switch name {
				case "launch-template-name":
					return one(value(t.LaunchTemplateName))
				case "create-time":
					return nil, true
				}
				return tagFields(t.Tags, name)
			}
		})
		if err != nil {
			return nil, err
		}
		page, next, ok := pageOf(all, in.NextToken, int(value(in.MaxResults)), func(t types.LaunchTemplate) string { return *t.LaunchTemplateId })
		if !ok {
			return nil, invalidToken()
		}
		return &ec2.DescribeLaunchTemplatesOutput{LaunchTemplates: page, NextToken: next}, nil
	})
}

func invalidToken() error {
	return refuse("InvalidNextToken", "The token is invalid: use the NextToken of the page before")
}

// DescribeLaunchTemplateVersions lists the versions of a template, the latest first.
func (e *EC2) DescribeLaunchTemplateVersions(ctx context.Context, in *ec2.DescribeLaunchTemplateVersionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	return call(ctx, e.c, "ec2.DescribeLaunchTemplateVersions", in, func(in *ec2.DescribeLaunchTemplateVersionsInput) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
		t, err := e.c.template(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return nil, err
		}
		all := slices.Clone(t.versions)
		slices.Reverse(all)
		if len(in.Versions) > 0 {
			all = nil
			for _, name := range in.Versions {
				v, err := t.version(name)
				if err != nil {
					return nil, err
				}
				all = append(all, *v)
			}
		}
		page, next, ok := pageOf(all, in.NextToken, int(value(in.MaxResults)), func(v types.LaunchTemplateVersion) string {
			return strconv.FormatInt(*v.VersionNumber, 10)
		})
		if !ok {
			return nil, invalidToken()
		}
		return &ec2.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: page, NextToken: next}, nil
	})
}

// DeleteLaunchTemplate removes a template; instances that came from it stay.
func (e *EC2) DeleteLaunchTemplate(ctx context.Context, in *ec2.DeleteLaunchTemplateInput, _ ...func(*ec2.Options)) (*ec2.DeleteLaunchTemplateOutput, error) {
	return call(ctx, e.c, "ec2.DeleteLaunchTemplate", in, func(in *ec2.DeleteLaunchTemplateInput) (*ec2.DeleteLaunchTemplateOutput, error) {
		t, err := e.c.template(in.LaunchTemplateId, in.LaunchTemplateName)
		if err != nil {
			return nil, err
		}
		e.c.templates = slices.DeleteFunc(e.c.templates, func(other *template) bool { return other == t })
		is := t.is
		return &ec2.DeleteLaunchTemplateOutput{LaunchTemplate: &is}, nil
	})
}

// tagsFor returns the tags that a request gives to a kind of resource.
func tagsFor(specifications []types.TagSpecification, kind types.ResourceType) []types.Tag {
	var tags []types.Tag
	for _, s := range specifications {
		if s.ResourceType == kind {
			tags = append(tags, s.Tags...)
		}
	}
	return tags
}
