//go:build unix

package supervisor

import "syscall"

// waitThread waits for a child with a thread of its own.
func waitThread(pid int) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		switch _, err := syscall.Wait4(pid, &status, 0, nil); err {
		case nil:
			return status
		case syscall.EINTR:
		default:
			return syscall.WaitStatus(syscall.SIGKILL) // how it ended is not known: no success
		}
	}
}
