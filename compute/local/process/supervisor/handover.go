//go:build unix

package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
)

// HandoverFD is the file descriptor at which a supervisor finds one end of a socket
// pair. The server, at the other, hands tasks over on it one at a time (Handover); the
// supervisor answers each with one byte when it is free for the next. A server that
// dies or needs the supervisor no longer hangs up.
const HandoverFD = 3

// free is what a supervisor says when it has no task any more.
const free = '\n'

// maxHandover is the most bytes of a message: the longest path that Linux takes.
const maxHandover = 4 << 10

// Handover is the message by which the task in dir is handed over, and the data that
// goes with it: the unix socket on which the supervisor is to listen. The server
// makes that socket, so that it can dial before the supervisor is up.
func Handover(dir string, listener uintptr) (message, control []byte) {
	return append([]byte(dir), '\n'), syscall.UnixRights(int(listener))
}

// errHungUp says that there will be no more tasks.
var errHungUp = errors.New("the server hung up")

// receive waits for a task.
func receive(from int) (dir string, listener int, err error) {
	listener = -1
	var text []byte
	for !bytes.HasSuffix(text, []byte{'\n'}) {
		part, rights := make([]byte, maxHandover), make([]byte, syscall.CmsgSpace(4))
		n, rightsLen, _, _, err := syscall.Recvmsg(from, part, rights, 0)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return "", -1, err
		case n == 0 && len(text) == 0:
			return "", -1, errHungUp
		case n == 0 || len(text)+n > maxHandover:
			return "", -1, fmt.Errorf("half a message: %q", text)
		}
		text = append(text, part[:n]...)
		if rightsLen > 0 {
			if listener, err = received(rights[:rightsLen]); err != nil {
				return "", -1, err
			}
		}
	}
	if listener < 0 || !isSocket(listener) {
		return "", -1, fmt.Errorf("no socket came with %q", text)
	}
	return string(bytes.TrimSuffix(text, []byte{'\n'})), listener, nil
}

// received is the one file descriptor in the data that came with a message.
func received(rights []byte) (int, error) {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("%d control messages: %w", len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, fmt.Errorf("%d file descriptors: %w", len(fds), err)
	}
	syscall.CloseOnExec(fds[0]) // nothing is forked between two tasks
	return fds[0], nil
}
