// Command packhorse runs batch jobs as AWS Batch does, on capacity of your own. It is
// the server, the client and the tools in one binary; package cli has the client.
package main

import (
	"os"

	"github.com/packhorse-batch/packhorse/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], serverCommands()...))
}
