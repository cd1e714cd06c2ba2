package amazon

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

type templates interface {
	CreateLaunchTemplate(context.Context, *ec2.CreateLaunchTemplateInput, ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateOutput, error)
	CreateLaunchTemplateVersion(context.Context, *ec2.CreateLaunchTemplateVersionInput, ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateVersionOutput, error)
	DescribeLaunchTemplateVersions(context.Context, *ec2.DescribeLaunchTemplateVersionsInput, ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error)
	DeleteLaunchTemplate(context.Context, *ec2.DeleteLaunchTemplateInput, ...func(*ec2.Options)) (*ec2.DeleteLaunchTemplateOutput, error)
}

// template is a version of an environment's launch template. There is one template for
// each environment, with a version for each kind of instances, and a new one when the
// settings or the image change.
type template struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// maxTemplateName is EC2's limit (CreateLaunchTemplate, LaunchTemplateName).
const maxTemplateName = 128

func (b *Backend) templateName(environment string) string {
	name := "packhorse-" + b.o.Deployment + "-" + environment
	if len(name) > maxTemplateName {
		tail := "-" + fingerprint(environment)
		name = name[:maxTemplateName-len(tail)] + tail
	}
	return name
}

// templateKey is where the template of an environment as it is set now is recorded.
func (b *Backend) templateKey(r compute.HostRequest, k kind) string {
	s := r.Settings
	relevant, err := json.Marshal([]any{
		r.Cluster, b.o.InstanceProfile, deref(s.InstanceRole), deref(s.ImageId), s.Ec2Configuration, s.LaunchTemplate,
		deref(s.Ec2KeyPair), deref(s.PlacementGroup), s.SecurityGroupIds, s.Tags,
	})
	if err != nil {
		relevant = []byte(err.Error()) // never: these are strings
	}
	return "template/" + b.templateName(r.Environment) + "/" + k.String() + "/" + fingerprint(string(relevant))
}

func deletedKey(name string) string { return "template-deleted/" + name }

// noteDeleted records that a launch template was deleted, by us or by someone else.
func (b *Backend) noteDeleted(ctx context.Context, name string) error {
	return remember(ctx, b.o.Memory, deletedKey(name), b.o.Now().UTC(), b.o.Now().Add(tokenFor))
}

// tokenFor outlives EC2's memory of a client token.
const tokenFor = 7 * 24 * time.Hour

// template returns the launch template of an environment for a kind of instances, and
// makes it if it is not recorded.
func (b *Backend) template(ctx context.Context, r compute.HostRequest, k kind) (template, error) {
	key := b.templateKey(r, k)
	if t, ok, err := recall[template](ctx, b.o.Memory, key); err != nil || ok && t.ID != "" {
		return t, err
	}
	return share(ctx, b, key, func(ctx context.Context) (template, error) {
		data, err := b.templateData(ctx, r, k)
		if err != nil {
			return template{}, err
		}
		t, err := b.makeTemplate(ctx, key, b.templateName(r.Environment), r.Environment, data)
		if err != nil {
			return template{}, err
		}
		return t, remember(ctx, b.o.Memory, key, t, b.o.Now().Add(templateFor))
	})
}

// makeTemplate adds a version to a launch template, or makes it. Asked again for the same
// it makes no other: the token is of the key under which it is recorded, of what is in it,
// for images change, and of when a template of that name was last found to be deleted, for
// EC2 would answer with that one.
func (b *Backend) makeTemplate(ctx context.Context, key, name, environment string, data *ec2types.RequestLaunchTemplateData) (template, error) {
	content, err := json.Marshal(data)
	if err != nil {
		return template{}, fmt.Errorf("launch template %s: %w", name, err)
	}
	deleted, _, err := recall[time.Time](ctx, b.o.Memory, deletedKey(name))
	if err != nil {
		return template{}, err
	}
	token := fingerprint(key + string(content) + deleted.String())
	for range 2 { // another process may make it between the two calls
		added, err := b.ec2.CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateName: &name, LaunchTemplateData: data, ClientToken: &token})
		switch {
		case err == nil && added.LaunchTemplateVersion != nil:
			v := added.LaunchTemplateVersion
			return template{ID: deref(v.LaunchTemplateId), Version: strconv.FormatInt(deref(v.VersionNumber), 10)}, nil
		case err != nil && !noTemplate(err):
			return template{}, wrongTemplate(err)
		}
		made, err := b.ec2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
			LaunchTemplateName: &name, LaunchTemplateData: data, ClientToken: &token,
			TagSpecifications: []ec2types.TagSpecification{{
				ResourceType: ec2types.ResourceTypeLaunchTemplate,
				Tags:         ec2Tags(map[string]string{tagDeployment: b.o.Deployment, tagEnvironment: environment}),
			}},
		})
		switch {
		case err == nil && made.LaunchTemplate != nil:
			t := made.LaunchTemplate
			return template{ID: deref(t.LaunchTemplateId), Version: strconv.FormatInt(deref(t.LatestVersionNumber), 10)}, nil
		case err != nil && !templateExists(err):
			return template{}, wrongTemplate(err)
		}
	}
	return template{}, fmt.Errorf("%w: launch template %s comes and goes", compute.ErrUnavailable, name)
}

// wrongTemplate translates what EC2 has against the data of a template: it was made of
// the environment's settings.
func wrongTemplate(err error) error {
	if code := codeOf(err); strings.HasPrefix(code, "Invalid") || code == "MissingParameter" {
		return &batch.Error{Code: batch.CodeInvalid, Message: "computeResources: " + messageOf(err),
			Next: "correct them with UpdateComputeEnvironment", Err: err}
	}
	return trouble("making the launch template", err)
}

// templateData is what all hosts of an environment of one kind have in common. The
// environment's own launch template, if it has one, is copied and then overlaid, as AWS
// Batch does: key pair, image, security groups and tags of the environment win, and its
// instance type, subnets, role and market options are ignored.
func (b *Backend) templateData(ctx context.Context, r compute.HostRequest, k kind) (*ec2types.RequestLaunchTemplateData, error) {
	s := r.Settings
	data, err := b.baseTemplate(ctx, s.LaunchTemplate)
	if err != nil {
		return nil, err
	}
	if data.UserData, err = wrapped(userData(r.Cluster, deref(data.UserData))); err != nil {
		return nil, &batch.Error{Code: batch.CodeInvalid, Message: "computeResources.launchTemplate: " + err.Error(), Err: err}
	}
	if data.ImageId, err = wrapped(b.image(ctx, chooseImage(s, deref(data.ImageId), k), k)); err != nil {
		return nil, err
	}
	if data.IamInstanceProfile = profile(firstOf(deref(s.InstanceRole), b.o.InstanceProfile)); data.IamInstanceProfile == nil {
		return nil, &batch.Error{Code: batch.CodeInvalid, Message: "computeResources.instanceRole is missing, and the deployment has no instance profile of its own.",
			Next: "name an instance profile with AmazonEC2ContainerServiceforEC2Role in computeResources.instanceRole"}
	}
	if key := deref(s.Ec2KeyPair); key != "" {
		data.KeyName = &key
	}
	if group := deref(s.PlacementGroup); group != "" {
		data.Placement = &ec2types.LaunchTemplatePlacementRequest{GroupName: &group}
	}
	secure(data, s.SecurityGroupIds)
	if data.MetadataOptions == nil {
		// Two hops, so that containers in a network of their own reach the metadata.
		data.MetadataOptions = &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{
			HttpTokens: ec2types.LaunchTemplateHttpTokensStateRequired, HttpPutResponseHopLimit: new(int32(2)),
		}
	}
	// A host that shuts itself down is not to stay and cost.
	data.InstanceInitiatedShutdownBehavior = ec2types.ShutdownBehaviorTerminate
	b.tagTemplate(data, r)
	return data, nil
}

func wrapped(s string, err error) (*string, error) { return &s, err }

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// profile names an instance profile by ARN or by name; nil for none.
func profile(name string) *ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest {
	switch {
	case name == "":
		return nil
	case strings.HasPrefix(name, "arn:"):
		return &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Arn: &name}
	}
	return &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: &name}
}

// secure sets the security groups, which belong to the network interfaces if the
// template has some; their subnets are chosen with each launch.
func secure(data *ec2types.RequestLaunchTemplateData, groups []string) {
	for i := range data.NetworkInterfaces {
		data.NetworkInterfaces[i].SubnetId = nil
		if len(groups) > 0 {
			data.NetworkInterfaces[i].Groups = groups
		}
	}
	if len(groups) > 0 && len(data.NetworkInterfaces) == 0 {
		data.SecurityGroupIds, data.SecurityGroups = groups, nil
	}
}

// tagTemplate tags what comes with an instance; the instance itself is tagged by the
// fleet.
func (b *Backend) tagTemplate(data *ec2types.RequestLaunchTemplateData, r compute.HostRequest) {
	theirs := map[string]string{}
	var rest []ec2types.LaunchTemplateTagSpecificationRequest
	for _, spec := range data.TagSpecifications {
		if spec.ResourceType != ec2types.ResourceTypeVolume {
			rest = append(rest, spec)
			continue
		}
		for _, t := range spec.Tags {
			theirs[deref(t.Key)] = deref(t.Value)
		}
	}
	for key, value := range r.Settings.Tags {
		theirs[key] = value
	}
	data.TagSpecifications = append(rest, ec2types.LaunchTemplateTagSpecificationRequest{
		ResourceType: ec2types.ResourceTypeVolume,
		Tags:         ec2Tags(tagged(theirs, map[string]string{tagDeployment: b.o.Deployment, tagEnvironment: r.Environment})),
	})
}

// baseTemplate returns a copy of the environment's own launch template without what is
// ignored; empty if it has none.
func (b *Backend) baseTemplate(ctx context.Context, spec *types.LaunchTemplateSpecification) (*ec2types.RequestLaunchTemplateData, error) {
	if spec == nil || deref(spec.LaunchTemplateId) == "" && deref(spec.LaunchTemplateName) == "" {
		return &ec2types.RequestLaunchTemplateData{}, nil
	}
	version := firstOf(deref(spec.Version), "$Default")
	in := &ec2.DescribeLaunchTemplateVersionsInput{Versions: []string{version}}
	if in.LaunchTemplateId = some(deref(spec.LaunchTemplateId)); in.LaunchTemplateId == nil {
		in.LaunchTemplateName = spec.LaunchTemplateName
	}
	name := firstOf(deref(spec.LaunchTemplateId), deref(spec.LaunchTemplateName))
	out, err := b.ec2.DescribeLaunchTemplateVersions(ctx, in)
	if err != nil && !noTemplate(err) {
		return nil, trouble("reading launch template "+name, err)
	}
	if err != nil || len(out.LaunchTemplateVersions) == 0 || out.LaunchTemplateVersions[0].LaunchTemplateData == nil {
		return nil, &batch.Error{Code: batch.CodeInvalid, Err: err,
			Message: fmt.Sprintf("computeResources.launchTemplate: there is no version %s of %s.", version, name),
			Next:    "name another with UpdateComputeEnvironment"}
	}
	data, err := copied(out.LaunchTemplateVersions[0].LaunchTemplateData)
	if err != nil {
		return nil, err
	}
	data.InstanceType, data.InstanceRequirements, data.InstanceMarketOptions, data.IamInstanceProfile = "", nil, nil, nil
	data.DisableApiTermination, data.DisableApiStop, data.HibernationOptions = nil, nil, nil
	return data, nil
}

// copied turns what EC2 answers into what EC2 takes: two families of types with the
// same members, but for a few that only answers have.
func copied(from *ec2types.ResponseLaunchTemplateData) (*ec2types.RequestLaunchTemplateData, error) {
	data, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("copying the launch template: %w", err)
	}
	var to ec2types.RequestLaunchTemplateData
	if err := json.Unmarshal(data, &to); err != nil {
		return nil, fmt.Errorf("copying the launch template: %w", err)
	}
	return &to, nil
}
