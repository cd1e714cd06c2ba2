//go:build unix

package supervisor

import (
	"encoding/json"
	"errors"
	"os"
	"syscall"
	"time"
)

// tellTimeout bounds how long a server that does not read can hold the task up.
const tellTimeout = time.Second

func isSocket(fd int) bool {
	var stat syscall.Stat_t
	return syscall.Fstat(fd, &stat) == nil && stat.Mode&syscall.S_IFMT == syscall.S_IFSOCK
}

// asFile makes a file of a file descriptor that can be closed while it is waited for.
func asFile(fd int, name string) (*os.File, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(err, syscall.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// listen hands each connection to the loop and reads what it says, until the listener
// is closed. That is a plain file, for package net is initialised late.
func (s *supervisor) listen() {
	raw, err := s.listener.SyscallConn()
	if err != nil {
		return
	}
	for {
		fd := -1
		var failure error
		err := raw.Read(func(listener uintptr) bool {
			fd, failure = accept(int(listener))
			return !errors.Is(failure, syscall.EAGAIN)
		})
		if err != nil {
			return
		}
		if failure != nil {
			continue // that connection is gone again
		}
		client := os.NewFile(uintptr(fd), "client")
		select {
		case s.arrivals <- client:
			s.listening.Go(func() { s.hear(client) })
		case <-s.done:
			client.Close()
			return
		}
	}
}

// accept takes a connection that is neither inherited by commands nor blocks.
func accept(listener int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, _, err := syscall.Accept(listener)
	if err != nil {
		return -1, err
	}
	syscall.CloseOnExec(fd)
	return fd, syscall.SetNonblock(fd, true)
}

// hear hands what a server says to the loop until it hangs up.
func (s *supervisor) hear(client *os.File) {
	in := json.NewDecoder(client)
	for {
		var request Request
		if err := in.Decode(&request); err != nil {
			return
		}
		select {
		case s.requests <- request:
		case <-s.done:
			return
		}
	}
}

// tell sends the status to a server. One that is gone, or does not read, finds
// the end in the journal.
func (s *supervisor) tell(client *os.File) {
	text, err := json.Marshal(s.status)
	if err != nil {
		return
	}
	_ = client.SetWriteDeadline(time.Now().Add(tellTimeout))
	_, _ = client.Write(append(text, '\n'))
}

// changed counts a change of the status and tells all servers of it.
func (s *supervisor) changed() {
	s.status.Version++
	for _, client := range s.clients {
		s.tell(client)
	}
}
