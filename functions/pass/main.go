// Command pass makes a pass of the engine when records have changed, and each minute.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/packhorse-batch/packhorse/internal/account/fleet"
	"github.com/packhorse-batch/packhorse/internal/account/started"
)

func main() {
	lambda.Start((&handler{started.With(fleet.Open)}).handle)
}
