// Command s3trigger submits a job for each object that a trigger asks for. It is called
// by S3 notifications, by EventBridge, and by SQS and SNS with either in their messages.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/packhorse-batch/packhorse/internal/account"
	"github.com/packhorse-batch/packhorse/internal/account/started"
)

func main() {
	a := started.With(account.Open)
	lambda.Start((&handler{triggers: a.Triggers, log: a.Log}).handle)
}
