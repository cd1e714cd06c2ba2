//go:build unix

package local

import (
	"path/filepath"

	"github.com/packhorse-batch/packhorse/compute/local/process"
)

// Processes of a terminated host are killed, not stopped.
var _ killer = (*process.Runtime)(nil)

func openProcess(o RuntimeOptions) (Runtime, error) {
	return process.Open(process.Options{
		Dir: filepath.Join(o.Dir, "process"), Logs: o.Logs, Executable: o.Executable, Log: o.Log,
	})
}
