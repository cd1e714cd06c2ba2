package deploy

import (
	"context"
	"time"
)

// Fleet is what deployments have in EC2. It is not the SDK's client, which takes a
// minute to compile and is the largest part of any program: only the program that
// deploys links it (package infra/fleet).
type Fleet interface {
	// Instances returns the instances with the deployment's tag that cost something or
	// soon will: all but those that are shutting down or terminated.
	Instances(ctx context.Context, deployment string) ([]Instance, error)
	// Terminate ends instances. One that is gone is no error. Adopted ones are never
	// among them.
	Terminate(ctx context.Context, ids []string) error
	// Release takes the deployment's tags off adopted instances.
	Release(ctx context.Context, ids []string) error
	// LaunchTemplates returns the ids of those with the deployment's tag.
	LaunchTemplates(ctx context.Context, deployment string) ([]string, error)
	// DeleteLaunchTemplate deletes one. One that is gone is no error.
	DeleteLaunchTemplate(ctx context.Context, id string) error
}

// Instance is a host of a deployment.
type Instance struct {
	ID          string
	Type        string
	State       string // as EC2 says it: pending, running, stopping, stopped
	Zone        string
	Environment string // the compute environment it was launched for
	Spot        bool
	// Adopted says that somebody else launched it, for an unmanaged environment. It is
	// left to its owner.
	Adopted  bool
	Launched time.Time
}
