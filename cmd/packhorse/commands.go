package main

import "github.com/spf13/cobra"

// serverCommands returns the commands of this binary that are not clients of a server:
// they link what a client does not need. Each has a file of its own in this folder.
func serverCommands() []*cobra.Command {
	return []*cobra.Command{serveCommand(), demoCommand(), demoTaskCommand(), simulateCommand()}
}
