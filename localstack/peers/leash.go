package peers

import (
	"io"
	"os/exec"
	"strconv"
)

// A leash ends a process when this one is gone. Go tells a test binary nothing about
// its end, and after a panic, a timeout or a SIGKILL it could do nothing any more. So
// a shell waits on a pipe whose other end only this process holds: the kernel closes
// that end with the process, and the shell kills by number. (Linux alone has
// PR_SET_PDEATHSIG, which follows the thread that started the process, and Go ends
// threads.)
type leash struct {
	held  io.Closer
	shell *exec.Cmd
}

func tie(pid int) (*leash, error) {
	// A line instead of the end lets go: the process has ended, its number may be
	// another's.
	shell := exec.Command("/bin/sh", "-c", `read -r line || kill -9 "$1"`, "leash", strconv.Itoa(pid))
	held, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, err
	}
	return &leash{held, shell}, nil
}

// release lets go of a process that has ended.
func (l *leash) release() {
	_ = l.shell.Process.Kill() // fails only when it has ended
	l.shell.Wait()
	l.held.Close()
}
