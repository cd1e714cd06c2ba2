// Command packhorse runs batch jobs as AWS Batch does, on capacity of your own. It is
// the server, the client and the tools in one binary; package cli has the client.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/packhorse-batch/packhorse/compute/local/process"
	"github.com/packhorse-batch/packhorse/infra/fleet"
	"github.com/packhorse-batch/packhorse/internal/cli"
	"github.com/packhorse-batch/packhorse/internal/deploy"
)

func main() {
	// Supervisors, which run jobs as plain processes, are started before anything else
	// is set up.
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		os.Exit(process.Supervise(os.Args[2:]))
	}
	app := cli.NewApp()
	app.Account = func(cfg aws.Config) *deploy.Account { return deploy.Open(cfg, fleet.Open(cfg)) }
	os.Exit(app.Run(context.Background(), os.Args[1:], serverCommands()...))
}
