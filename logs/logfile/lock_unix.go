//go:build unix && !solaris && !aix

package logfile

import (
	"os"
	"syscall"
)

// lockShared marks a file as being written until it is closed. It is best effort:
// only Purge asks.
func lockShared(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) }

// LockAlone reports whether nobody writes the file, and keeps writers' marks away
// until it is closed.
func LockAlone(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
