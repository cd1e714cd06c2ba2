//go:build unix

package supervisor

import "os"

// Verb is the argument that makes the binary a supervisor: "packhorse supervise
// <directory of the tasks>".
const Verb = "supervise"

// EarlyEnv, set to anything, makes the binary a supervisor before its other
// packages are initialised. It saves some 3 ms of a start in a binary with several
// AWS SDK clients.
const EarlyEnv = "PACKHORSE_SUPERVISOR"

func init() {
	if len(os.Args) == 3 && os.Args[1] == Verb && os.Getenv(EarlyEnv) != "" {
		os.Exit(Serve())
	}
}
