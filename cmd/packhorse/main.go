// Command packhorse runs batch jobs as AWS Batch does, on capacity of your own. It is
// the server, the client and the tools in one binary; package cli has the client.
package main

import (
	"os"

	"github.com/packhorse-batch/packhorse/compute/local/process"
	"github.com/packhorse-batch/packhorse/internal/cli"
)

func main() {
	// Supervisors, which run jobs as plain processes, are started before anything else
	// is set up.
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		os.Exit(process.Supervise(os.Args[2:]))
	}
	os.Exit(cli.Main(os.Args[1:], serverCommands()...))
}
