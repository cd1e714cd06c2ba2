// Package amazon runs hosts and tasks in an AWS account: instances from EC2 Fleet,
// On-Demand or Spot, that join an ECS cluster for each compute environment, and tasks
// that ECS runs on them or on Fargate.
//
// One host is one CreateFleet call of type instant, for one instance, over all types
// and subnets that would do. Its id is the client token and a tag of the instance, so
// what runs can always be told from what is recorded. One task is one RunTask call,
// pinned to its host by a placement constraint, with the task's id as client token and
// as startedBy. What ECS and EC2 say about them is translated into the words of package
// compute: the codes of AWS in errors.go, tasks in status.go, events in news.go.
//
// A [Backend] may live as long as one invocation of a Lambda. What must outlive it is
// in [Memory]: which host was asked for with which choices, what EC2 could not supply
// lately, task definitions, launch templates, the default network. Without it nothing
// runs twice and nothing is lost, but more is asked.
package amazon
