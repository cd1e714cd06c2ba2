//go:build unix && !solaris && !aix

package logs

import (
	"os"
	"syscall"
)

// lockShared marks a file as being written until it is closed. It is best effort:
// only Purge asks.
func lockShared(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) }

// lockAlone reports whether nobody writes the file.
func lockAlone(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
