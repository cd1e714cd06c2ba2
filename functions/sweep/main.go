// Command sweep asks ECS and EC2 each minute what is really there and sets the records
// right: deadlines, lost news, orphans, what is being deleted.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/packhorse-batch/packhorse/internal/account/fleet"
	"github.com/packhorse-batch/packhorse/internal/account/started"
)

func main() {
	a := started.With(fleet.Open)
	lambda.Start(func(ctx context.Context) error {
		a.Renew()
		a.Engine.Sweep(ctx) // the pass function sees by the stream what it changed
		return ctx.Err()
	})
}
