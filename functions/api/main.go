// Command api answers AWS Batch's operations behind a function URL or an HTTP API.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/packhorse-batch/packhorse/internal/account"
	"github.com/packhorse-batch/packhorse/internal/account/started"
	"github.com/packhorse-batch/packhorse/internal/functionurl"
)

func main() {
	lambda.Start(functionurl.Handler(started.With(account.Open).Handler()))
}
