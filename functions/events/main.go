// Command events hears from ECS and EC2, through EventBridge and a queue, what happens to
// tasks and hosts.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/packhorse-batch/packhorse/internal/account/fleet"
	"github.com/packhorse-batch/packhorse/internal/account/started"
)

func main() {
	a := started.With(fleet.Open)
	h := &handler{listener: a.Backend, log: a.Log, begin: func() recorder {
		a.Renew()
		return a.Engine
	}}
	lambda.Start(h.handle)
}
