package amazon

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/time/rate"

	"github.com/packhorse-batch/packhorse/compute"
)

// How fast AWS may be called, as it publishes it for an account and region. Each
// operation class has a bucket of tokens, filled at a rate. Several processes share
// these buckets, so AWS may still say that it is too much; the SDK then tries again.
const (
	// "Request throttling for the Amazon ECS API", cluster resource modify actions:
	// RunTask, StopTask, UpdateContainerInstancesState, DeregisterContainerInstance.
	modifyPerSecond, modifyBurst = 40, 100
	// The same, cluster resource read actions: ListTasks, DescribeTasks,
	// ListContainerInstances, DescribeContainerInstances.
	readPerSecond, readBurst = 20, 100
	// The same, task definition modify actions.
	registerPerSecond, registerBurst = 1, 20
	// "AWS Fargate throttling quotas": calls of RunTask that ask for Fargate.
	fargatePerSecond, fargateBurst = 20, 20
	// The same: tasks launched, On-Demand and Spot each.
	fargateTasksPerSecond, fargateTasksBurst = 20, 100
	// "Request throttling for the Amazon EC2 API" refills the instances that RunInstances
	// may launch at 2 a second, and CreateFleet counts with it; Karpenter keeps to the
	// same two figures (CreationQPS and CreationBurst in its AWS cloud provider).
	launchPerSecond, launchBurst = 2, 100
)

// limits are the clients with a bucket before each class of calls.
type limits struct {
	ec2 EC2
	ecs ECS
}

func limitsOf(e EC2, c ECS) limits {
	modify := rate.NewLimiter(modifyPerSecond, modifyBurst)
	return limits{
		ec2: limitedEC2{EC2: e, launch: rate.NewLimiter(launchPerSecond, launchBurst)},
		ecs: limitedECS{
			ECS: c, modify: modify,
			read:        rate.NewLimiter(readPerSecond, readBurst),
			register:    rate.NewLimiter(registerPerSecond, registerBurst),
			fargate:     rate.NewLimiter(fargatePerSecond, fargateBurst),
			fargateTask: rate.NewLimiter(fargateTasksPerSecond, fargateTasksBurst),
			fargateSpot: rate.NewLimiter(fargateTasksPerSecond, fargateTasksBurst),
		},
	}
}

// wait takes a token from each bucket. It gives up at once if the context would end
// first.
func wait(ctx context.Context, what string, buckets ...*rate.Limiter) error {
	for _, bucket := range buckets {
		if err := bucket.Wait(ctx); err != nil {
			return fmt.Errorf("%w: %s: the rate of AWS for it is used up: %w", compute.ErrUnavailable, what, err)
		}
	}
	return nil
}

type limitedEC2 struct {
	EC2
	launch *rate.Limiter
}

func (l limitedEC2) CreateFleet(ctx context.Context, in *ec2.CreateFleetInput, with ...func(*ec2.Options)) (*ec2.CreateFleetOutput, error) {
	if err := wait(ctx, "CreateFleet", l.launch); err != nil {
		return nil, err
	}
	return l.EC2.CreateFleet(ctx, in, with...)
}

type limitedECS struct {
	ECS
	modify, read, register, fargate, fargateTask, fargateSpot *rate.Limiter
}

func (l limitedECS) RunTask(ctx context.Context, in *ecs.RunTaskInput, with ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	buckets := []*rate.Limiter{l.modify}
	if market := fargateOf(in.CapacityProviderStrategy); market == fargateSpot {
		buckets = append(buckets, l.fargate, l.fargateSpot)
	} else if market != "" {
		buckets = append(buckets, l.fargate, l.fargateTask)
	}
	if err := wait(ctx, "RunTask", buckets...); err != nil {
		return nil, err
	}
	return l.ECS.RunTask(ctx, in, with...)
}

// fargateOf returns the capacity provider that a strategy asks for.
func fargateOf(strategy []ecstypes.CapacityProviderStrategyItem) string {
	for _, item := range strategy {
		return deref(item.CapacityProvider)
	}
	return ""
}

func (l limitedECS) StopTask(ctx context.Context, in *ecs.StopTaskInput, with ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	if err := wait(ctx, "StopTask", l.modify); err != nil {
		return nil, err
	}
	return l.ECS.StopTask(ctx, in, with...)
}

func (l limitedECS) UpdateContainerInstancesState(ctx context.Context, in *ecs.UpdateContainerInstancesStateInput, with ...func(*ecs.Options)) (*ecs.UpdateContainerInstancesStateOutput, error) {
	if err := wait(ctx, "UpdateContainerInstancesState", l.modify); err != nil {
		return nil, err
	}
	return l.ECS.UpdateContainerInstancesState(ctx, in, with...)
}

func (l limitedECS) DeregisterContainerInstance(ctx context.Context, in *ecs.DeregisterContainerInstanceInput, with ...func(*ecs.Options)) (*ecs.DeregisterContainerInstanceOutput, error) {
	if err := wait(ctx, "DeregisterContainerInstance", l.modify); err != nil {
		return nil, err
	}
	return l.ECS.DeregisterContainerInstance(ctx, in, with...)
}

func (l limitedECS) RegisterTaskDefinition(ctx context.Context, in *ecs.RegisterTaskDefinitionInput, with ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	if err := wait(ctx, "RegisterTaskDefinition", l.register); err != nil {
		return nil, err
	}
	return l.ECS.RegisterTaskDefinition(ctx, in, with...)
}

func (l limitedECS) ListTasks(ctx context.Context, in *ecs.ListTasksInput, with ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if err := wait(ctx, "ListTasks", l.read); err != nil {
		return nil, err
	}
	return l.ECS.ListTasks(ctx, in, with...)
}

func (l limitedECS) DescribeTasks(ctx context.Context, in *ecs.DescribeTasksInput, with ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if err := wait(ctx, "DescribeTasks", l.read); err != nil {
		return nil, err
	}
	return l.ECS.DescribeTasks(ctx, in, with...)
}

func (l limitedECS) ListContainerInstances(ctx context.Context, in *ecs.ListContainerInstancesInput, with ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	if err := wait(ctx, "ListContainerInstances", l.read); err != nil {
		return nil, err
	}
	return l.ECS.ListContainerInstances(ctx, in, with...)
}

func (l limitedECS) DescribeContainerInstances(ctx context.Context, in *ecs.DescribeContainerInstancesInput, with ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	if err := wait(ctx, "DescribeContainerInstances", l.read); err != nil {
		return nil, err
	}
	return l.ECS.DescribeContainerInstances(ctx, in, with...)
}
