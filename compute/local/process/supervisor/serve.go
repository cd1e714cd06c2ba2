//go:build unix

package supervisor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// tasksEach is after how many tasks a supervisor leaves, so that nothing which a
// task might leave in it lasts.
const tasksEach = 1000

// Serve is the life of a supervisor: it waits for a task, runs it to its end, and
// waits for the next, until the server hangs up. It returns the exit code of the
// process. What went wrong with a task is on standard error.
func Serve() int {
	// Commands get a signal when the thread that forked them ends: this one ends last.
	runtime.LockOSThread()
	if !isSocket(HandoverFD) {
		complain("file descriptor %d is no socket: packhorse serve starts supervisors, do not start one by hand", HandoverFD)
		return 1
	}
	syscall.CloseOnExec(HandoverFD)
	adoptOrphans()
	for range tasksEach {
		dir, listener, err := receive(HandoverFD)
		switch {
		case errors.Is(err, errHungUp):
			return 0
		case err != nil:
			complain("take a task: %v", err)
			return 1
		}
		if err := supervise(dir, listener); err != nil {
			complain("%s: %v", dir, err)
		}
		if _, err := syscall.Write(HandoverFD, []byte{free}); err != nil {
			return 0 // the server is gone
		}
	}
	return 0
}

func complain(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s supervise: %s\n", time.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}
