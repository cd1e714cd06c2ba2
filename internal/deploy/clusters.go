package deploy

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/infra"
)

// clusters is the part of ECS that deployments need.
type clusters interface {
	ListClusters(context.Context, *ecs.ListClustersInput, ...func(*ecs.Options)) (*ecs.ListClustersOutput, error)
	DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error)
	DeleteCluster(context.Context, *ecs.DeleteClusterInput, ...func(*ecs.Options)) (*ecs.DeleteClusterOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
	ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error)
	DeregisterContainerInstance(context.Context, *ecs.DeregisterContainerInstanceInput, ...func(*ecs.Options)) (*ecs.DeregisterContainerInstanceOutput, error)
	ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error)
	ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
	DeregisterTaskDefinition(context.Context, *ecs.DeregisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error)
	DeleteTaskDefinitions(context.Context, *ecs.DeleteTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.DeleteTaskDefinitionsOutput, error)
}

const (
	// maxListPages bounds every listing of ECS, 100 entries each.
	maxListPages = 200
	// clusterPoll is the time between two tries to delete a cluster whose tasks end.
	clusterPoll = 5 * time.Second
	// maxClusterPolls bounds them: five minutes, well above the 2 minutes that a task on
	// Fargate may take from SIGTERM to its end.
	maxClusterPolls = 60
)

// pages calls page with each token in turn until there is none.
func pages(page func(token *string) (next *string, err error)) error {
	var token *string
	for range maxListPages {
		next, err := page(token)
		if err != nil || next == nil || *next == "" {
			return err
		}
		token = next
	}
	return nil
}

// clustersOf returns the ARNs of the deployment's clusters that are not deleted yet.
func (a *Account) clustersOf(ctx context.Context, deployment string) ([]string, error) {
	var all, own []string
	err := pages(func(token *string) (*string, error) {
		out, err := a.Clusters.ListClusters(ctx, &ecs.ListClustersInput{NextToken: token})
		if err != nil {
			return nil, explain(err, "list the ECS clusters")
		}
		all = append(all, out.ClusterArns...)
		return out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(all, 100) { // the most that one call takes
		out, err := a.Clusters.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: some, Include: []types.ClusterField{types.ClusterFieldTags}})
		if err != nil {
			return nil, explain(err, "describe the ECS clusters")
		}
		for _, c := range out.Clusters {
			if ofDeployment(c.Tags, deployment) && aws.ToString(c.Status) != "INACTIVE" {
				own = append(own, aws.ToString(c.ClusterArn))
			}
		}
	}
	return own, nil
}

func ofDeployment(tags []types.Tag, deployment string) bool {
	return slices.ContainsFunc(tags, func(t types.Tag) bool {
		return aws.ToString(t.Key) == infra.DeploymentTag && aws.ToString(t.Value) == deployment
	})
}

// tasksOf returns the tasks of a cluster that run or are to run.
func (a *Account) tasksOf(ctx context.Context, cluster string) ([]string, error) {
	var tasks []string
	err := pages(func(token *string) (*string, error) {
		out, err := a.Clusters.ListTasks(ctx, &ecs.ListTasksInput{Cluster: aws.String(cluster), DesiredStatus: types.DesiredStatusRunning, NextToken: token})
		if err != nil {
			return nil, explain(err, "list the tasks of "+cluster)
		}
		tasks = append(tasks, out.TaskArns...)
		return out.NextToken, nil
	})
	return tasks, err
}

// stopTasks stops what runs in a cluster.
func (a *Account) stopTasks(ctx context.Context, cluster string, tasks []string) error {
	for _, task := range tasks {
		_, err := a.Clusters.StopTask(ctx, &ecs.StopTaskInput{
			Cluster: aws.String(cluster), Task: aws.String(task), Reason: aws.String("The deployment is being destroyed"),
		})
		if err != nil && !isCode(err, "InvalidParameterException", "ClusterNotFoundException") { // gone meanwhile
			return explain(err, "stop the task "+task)
		}
	}
	return nil
}

// removeCluster empties a cluster and deletes it.
func (a *Account) removeCluster(ctx context.Context, cluster string) error {
	for range maxClusterPolls {
		tasks, err := a.tasksOf(ctx, cluster)
		if err != nil {
			return err
		}
		if err := a.stopTasks(ctx, cluster, tasks); err != nil {
			return err
		}
		if err := a.deregisterHosts(ctx, cluster); err != nil {
			return err
		}
		_, err = a.Clusters.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: aws.String(cluster)})
		switch {
		case err == nil, isCode(err, "ClusterNotFoundException"):
			return nil
		case !isCode(err, "ClusterContainsTasksException", "ClusterContainsContainerInstancesException", "UpdateInProgressException"):
			return explain(err, "delete the cluster "+cluster)
		}
		if err := a.Pause(ctx, clusterPoll); err != nil {
			return err
		}
	}
	return &Error{Message: "the cluster " + cluster + " still has tasks after five minutes", Next: "look at it in the ECS console, then say it again"}
}

func (a *Account) deregisterHosts(ctx context.Context, cluster string) error {
	var hosts []string
	err := pages(func(token *string) (*string, error) {
		out, err := a.Clusters.ListContainerInstances(ctx, &ecs.ListContainerInstancesInput{Cluster: aws.String(cluster), NextToken: token})
		if err != nil {
			return nil, explain(err, "list the container instances of "+cluster)
		}
		hosts = append(hosts, out.ContainerInstanceArns...)
		return out.NextToken, nil
	})
	if err != nil {
		return err
	}
	for _, host := range hosts {
		_, err := a.Clusters.DeregisterContainerInstance(ctx, &ecs.DeregisterContainerInstanceInput{
			Cluster: aws.String(cluster), ContainerInstance: aws.String(host), Force: aws.Bool(true),
		})
		if err != nil && !isCode(err, "InvalidParameterException") { // gone meanwhile
			return explain(err, "deregister the container instance "+host)
		}
	}
	return nil
}
