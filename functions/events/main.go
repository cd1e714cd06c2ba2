// Command events hears from ECS and EC2, through EventBridge, what happens to tasks and
// hosts.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/packhorse-batch/packhorse/internal/account/fleet"
	"github.com/packhorse-batch/packhorse/internal/account/started"
)

func main() {
	lambda.Start((&handler{started.With(fleet.Open)}).handle)
}
