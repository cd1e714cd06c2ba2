// Package fakeaws is a small AWS that behaves: the EC2, ECS, SSM and CloudWatch
// Logs methods that Packhorse calls, in memory, with what makes the real ones hard.
//
//	cloud := fakeaws.New(fakeaws.Options{Seed: 7, Speed: 100})
//	defer cloud.Close()
//	cloud.Subscribe(func(e fakeaws.Event) { ... })
//	backend := amazon.New(amazon.Clients{EC2: cloud.EC2(), ECS: cloud.ECS()})
//
// It keeps the promises of the services: client tokens, placement constraints,
// the memory that the ECS agent registers, tasks that run their command as processes
// of this machine and end with its exit code. And it has their vices, each from
// [Faults] and one seed: no capacity, throttling, answers that are lost although the
// thing was done, Describe calls that lag behind, events that come late, twice, in
// the wrong order or never, hosts that never join, Spot interruptions.
//
// The values of [Cloud.EC2], [Cloud.ECS], [Cloud.SSM] and [Cloud.Logs] have the
// methods of the SDK's clients, with the same signatures. [Cloud.Handler] serves the
// same calls over the wire, for other processes with AWS_ENDPOINT_URL: SDKs, the AWS
// CLI, Lambda binaries.
//
// It is a model. What it says about a service is what the service's documentation
// says; where that is silent a comment tells what was assumed. There is no Docker:
// images are names, memory limits are counted and not enforced, volumes, users and
// networks of containers do nothing.
package fakeaws
