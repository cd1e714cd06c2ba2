package deploy_test

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/packhorse-batch/packhorse/infra"
	"github.com/packhorse-batch/packhorse/internal/deploy"
)

// fakeObjects is S3 with at most one bucket.
type fakeObjects struct {
	name    string // empty: there is none
	owner   string // empty: the caller
	content map[string][]byte
	uploads int
}

func (f *fakeObjects) check(owner *string) error {
	switch {
	case f.name == "":
		return apiError("NotFound", "Not Found")
	case f.owner != "" && aws.ToString(owner) != f.owner:
		return apiError("Forbidden", "Forbidden")
	}
	return nil
}

func (f *fakeObjects) HeadBucket(_ context.Context, in *s3.HeadBucketInput, _ ...func(*s3.Options)) (*s3.HeadBucketOutput, error) {
	return &s3.HeadBucketOutput{}, f.check(in.ExpectedBucketOwner)
}

func (f *fakeObjects) CreateBucket(_ context.Context, in *s3.CreateBucketInput, _ ...func(*s3.Options)) (*s3.CreateBucketOutput, error) {
	f.name, f.content = *in.Bucket, map[string][]byte{}
	return &s3.CreateBucketOutput{}, nil
}

func (f *fakeObjects) PutPublicAccessBlock(_ context.Context, in *s3.PutPublicAccessBlockInput, _ ...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error) {
	return &s3.PutPublicAccessBlockOutput{}, f.check(in.ExpectedBucketOwner)
}

func (f *fakeObjects) DeleteBucket(_ context.Context, in *s3.DeleteBucketInput, _ ...func(*s3.Options)) (*s3.DeleteBucketOutput, error) {
	if len(f.content) > 0 {
		return nil, apiError("BucketNotEmpty", "The bucket you tried to delete is not empty")
	}
	f.name = ""
	return &s3.DeleteBucketOutput{}, nil
}

func (f *fakeObjects) HeadObject(_ context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	if err := f.check(in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	if _, ok := f.content[*in.Key]; !ok {
		return nil, apiError("NotFound", "Not Found")
	}
	return &s3.HeadObjectOutput{}, nil
}

func (f *fakeObjects) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := f.check(in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(in.Body)
	f.content[*in.Key] = content
	f.uploads++
	return &s3.PutObjectOutput{}, err
}

func (f *fakeObjects) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	out := &s3.ListObjectsV2Output{}
	for _, key := range slices.Sorted(maps.Keys(f.content)) {
		if strings.HasPrefix(key, *in.Prefix) {
			out.Contents = append(out.Contents, s3types.Object{Key: aws.String(key)})
		}
	}
	return out, nil
}

func (f *fakeObjects) DeleteObjects(_ context.Context, in *s3.DeleteObjectsInput, _ ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error) {
	for _, o := range in.Delete.Objects {
		delete(f.content, *o.Key)
	}
	return &s3.DeleteObjectsOutput{}, nil
}

// fakeParameters is a parameter store.
type fakeParameters struct {
	values map[string]string
	about  map[string]string
}

func (f *fakeParameters) PutParameter(_ context.Context, in *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	if in.Type != ssmtypes.ParameterTypeSecureString {
		return nil, apiError("ValidationException", "a secret is kept as %s", in.Type)
	}
	f.values[*in.Name], f.about[*in.Name] = *in.Value, aws.ToString(in.Description)
	return &ssm.PutParameterOutput{}, nil
}

func (f *fakeParameters) GetParameter(_ context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	value, ok := f.values[*in.Name]
	if !ok {
		return nil, apiError("ParameterNotFound", "Parameter %s not found.", *in.Name)
	}
	return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Value: aws.String(value)}}, nil
}

func (f *fakeParameters) DescribeParameters(_ context.Context, in *ssm.DescribeParametersInput, _ ...func(*ssm.Options)) (*ssm.DescribeParametersOutput, error) {
	out := &ssm.DescribeParametersOutput{}
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if strings.HasPrefix(name, in.ParameterFilters[0].Values[0]) {
			out.Parameters = append(out.Parameters, ssmtypes.ParameterMetadata{Name: aws.String(name), Description: aws.String(f.about[name])})
		}
	}
	return out, nil
}

func (f *fakeParameters) DeleteParameters(_ context.Context, in *ssm.DeleteParametersInput, _ ...func(*ssm.Options)) (*ssm.DeleteParametersOutput, error) {
	out := &ssm.DeleteParametersOutput{}
	for _, name := range in.Names {
		if _, ok := f.values[name]; ok {
			delete(f.values, name)
			out.DeletedParameters = append(out.DeletedParameters, name)
		}
	}
	return out, nil
}

// fakeFleet is the EC2 of deployments. A host that is told to shut down is gone a moment
// later.
type fakeFleet struct {
	hosts     []deploy.Instance
	ending    []string
	templates []string
	released  []string
	// launches is what a pass that is still under way launches after the first look.
	launches []deploy.Instance
	deaf     bool // hosts do not end
}

func (f *fakeFleet) pass() {
	if !f.deaf {
		f.hosts = slices.DeleteFunc(f.hosts, func(i deploy.Instance) bool { return slices.Contains(f.ending, i.ID) })
	}
	f.hosts = append(f.hosts, f.launches...)
	f.launches = nil
}

func (f *fakeFleet) Instances(context.Context, string) ([]deploy.Instance, error) {
	return slices.Clone(f.hosts), nil
}

func (f *fakeFleet) Terminate(_ context.Context, ids []string) error {
	f.ending = append(f.ending, ids...)
	return nil
}

func (f *fakeFleet) Release(_ context.Context, ids []string) error {
	f.released = append(f.released, ids...)
	f.hosts = slices.DeleteFunc(f.hosts, func(i deploy.Instance) bool { return slices.Contains(ids, i.ID) })
	return nil
}

func (f *fakeFleet) LaunchTemplates(context.Context, string) ([]string, error) {
	return slices.Clone(f.templates), nil
}

func (f *fakeFleet) DeleteLaunchTemplate(_ context.Context, id string) error {
	f.templates = slices.DeleteFunc(f.templates, func(t string) bool { return t == id })
	return nil
}

// fakeLogs is CloudWatch Logs: the tags of each group.
type fakeLogs struct{ groups map[string]map[string]string }

func groupARN(name string) string {
	return "arn:aws:logs:" + region + ":" + accountID + ":log-group:" + name
}

func (f *fakeLogs) DescribeLogGroups(_ context.Context, in *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	out := &cloudwatchlogs.DescribeLogGroupsOutput{}
	for _, name := range slices.Sorted(maps.Keys(f.groups)) {
		if strings.HasPrefix(name, *in.LogGroupNamePrefix) {
			out.LogGroups = append(out.LogGroups, logtypes.LogGroup{LogGroupName: aws.String(name), Arn: aws.String(groupARN(name) + ":*")})
		}
	}
	return out, nil
}

func (f *fakeLogs) CreateLogGroup(_ context.Context, in *cloudwatchlogs.CreateLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.CreateLogGroupOutput, error) {
	f.groups[*in.LogGroupName] = maps.Clone(in.Tags)
	return &cloudwatchlogs.CreateLogGroupOutput{}, nil
}

func (f *fakeLogs) PutRetentionPolicy(context.Context, *cloudwatchlogs.PutRetentionPolicyInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.PutRetentionPolicyOutput, error) {
	return &cloudwatchlogs.PutRetentionPolicyOutput{}, nil
}

func (f *fakeLogs) ListTagsForResource(_ context.Context, in *cloudwatchlogs.ListTagsForResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.ListTagsForResourceOutput, error) {
	for name, tags := range f.groups {
		if groupARN(name) == *in.ResourceArn {
			return &cloudwatchlogs.ListTagsForResourceOutput{Tags: tags}, nil
		}
	}
	return nil, apiError("ResourceNotFoundException", "no %s", *in.ResourceArn)
}

func (f *fakeLogs) TagResource(_ context.Context, in *cloudwatchlogs.TagResourceInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.TagResourceOutput, error) {
	for name, tags := range f.groups {
		if groupARN(name) == *in.ResourceArn {
			maps.Copy(tags, in.Tags)
		}
	}
	return &cloudwatchlogs.TagResourceOutput{}, nil
}

func (f *fakeLogs) DeleteLogGroup(_ context.Context, in *cloudwatchlogs.DeleteLogGroupInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DeleteLogGroupOutput, error) {
	delete(f.groups, *in.LogGroupName)
	return &cloudwatchlogs.DeleteLogGroupOutput{}, nil
}

type fakeQueues struct{}

func (fakeQueues) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"ApproximateNumberOfMessages": "3"}}, nil
}

// fakeClusters is ECS with at most one cluster, of the deployment packhorse, and task
// definitions by ARN with the deployment they carry as a tag.
type fakeClusters struct {
	cluster     string
	tasks       []string
	hosts       []string
	definitions map[string]string
	deleted     []string
}

func (f *fakeClusters) ListClusters(context.Context, *ecs.ListClustersInput, ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	out := &ecs.ListClustersOutput{ClusterArns: []string{"cluster/of-somebody-else"}}
	if f.cluster != "" {
		out.ClusterArns = append(out.ClusterArns, f.cluster)
	}
	return out, nil
}

func tagsOf(deployment string) []ecstypes.Tag {
	return []ecstypes.Tag{{Key: aws.String(infra.DeploymentTag), Value: aws.String(deployment)}}
}

func (f *fakeClusters) DescribeClusters(_ context.Context, in *ecs.DescribeClustersInput, _ ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	out := &ecs.DescribeClustersOutput{}
	for _, arn := range in.Clusters {
		c := ecstypes.Cluster{ClusterArn: aws.String(arn), Status: aws.String("ACTIVE")}
		if arn == f.cluster {
			c.Tags = tagsOf("packhorse")
		}
		out.Clusters = append(out.Clusters, c)
	}
	return out, nil
}

func (f *fakeClusters) DeleteCluster(_ context.Context, in *ecs.DeleteClusterInput, _ ...func(*ecs.Options)) (*ecs.DeleteClusterOutput, error) {
	switch {
	case len(f.tasks) > 0:
		return nil, apiError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
	case len(f.hosts) > 0:
		return nil, apiError("ClusterContainsContainerInstancesException", "The Cluster cannot be deleted while Container Instances are active or draining.")
	}
	f.deleted = append(f.deleted, *in.Cluster)
	f.cluster = ""
	return &ecs.DeleteClusterOutput{}, nil
}

func (f *fakeClusters) ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	return &ecs.ListTasksOutput{TaskArns: slices.Clone(f.tasks)}, nil
}

func (f *fakeClusters) StopTask(_ context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	f.tasks = slices.DeleteFunc(f.tasks, func(t string) bool { return t == *in.Task })
	return &ecs.StopTaskOutput{}, nil
}

func (f *fakeClusters) ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	return &ecs.ListContainerInstancesOutput{ContainerInstanceArns: slices.Clone(f.hosts)}, nil
}

func (f *fakeClusters) DeregisterContainerInstance(_ context.Context, in *ecs.DeregisterContainerInstanceInput, _ ...func(*ecs.Options)) (*ecs.DeregisterContainerInstanceOutput, error) {
	f.hosts = slices.DeleteFunc(f.hosts, func(h string) bool { return h == *in.ContainerInstance })
	return &ecs.DeregisterContainerInstanceOutput{}, nil
}

// familyOf takes "packhorse-packhorse-align" from "packhorse-packhorse-align:3".
func familyOf(arn string) string { family, _, _ := strings.Cut(arn, ":"); return family }

func (f *fakeClusters) ListTaskDefinitionFamilies(_ context.Context, in *ecs.ListTaskDefinitionFamiliesInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	out := &ecs.ListTaskDefinitionFamiliesOutput{}
	for _, arn := range slices.Sorted(maps.Keys(f.definitions)) {
		if family := familyOf(arn); strings.HasPrefix(family, *in.FamilyPrefix) && !slices.Contains(out.Families, family) {
			out.Families = append(out.Families, family)
		}
	}
	return out, nil
}

func (f *fakeClusters) ListTaskDefinitions(_ context.Context, in *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	out := &ecs.ListTaskDefinitionsOutput{}
	for _, arn := range slices.Sorted(maps.Keys(f.definitions)) {
		if familyOf(arn) == *in.FamilyPrefix && in.Status == ecstypes.TaskDefinitionStatusActive {
			out.TaskDefinitionArns = append(out.TaskDefinitionArns, arn)
		}
	}
	return out, nil
}

func (f *fakeClusters) DescribeTaskDefinition(_ context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{Tags: tagsOf(f.definitions[*in.TaskDefinition])}, nil
}

func (f *fakeClusters) DeregisterTaskDefinition(context.Context, *ecs.DeregisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error) {
	return &ecs.DeregisterTaskDefinitionOutput{}, nil
}

func (f *fakeClusters) DeleteTaskDefinitions(_ context.Context, in *ecs.DeleteTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.DeleteTaskDefinitionsOutput, error) {
	if len(in.TaskDefinitions) > 10 {
		return nil, apiError("InvalidParameterException", "at most 10")
	}
	for _, arn := range in.TaskDefinitions {
		delete(f.definitions, arn)
	}
	return &ecs.DeleteTaskDefinitionsOutput{}, nil
}
