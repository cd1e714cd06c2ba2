//go:build unix

package process

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

const (
	// idleFor is how long a supervisor without a task is kept for the next one.
	// Starting one costs some 10 ms, handing a task over to one that waits 0.1 ms.
	idleFor = 10 * time.Second
	// maxIdle bounds how many wait. Each takes about 8 MiB.
	maxIdle = 16
)

// crew are the supervisors of a runtime. Each has at most one task; those without
// wait a little for the next.
type crew struct {
	start func(handover uintptr) (pid int, err error)

	mu   sync.Mutex
	idle []*hand // the one that has waited least is last, and is taken first
	all  map[*hand]bool
	over bool
}

// hand is one supervisor that this server started.
type hand struct {
	pid      int
	handover *net.UnixConn
	leave    *time.Timer // while it is idle
}

// give hands the task in dir over to a supervisor that waits, or to a new one.
func (c *crew) give(dir string, listener uintptr) error {
	message, control := supervisor.Handover(dir, listener)
	for {
		h, waited, err := c.take()
		if err != nil {
			return err
		}
		_, _, err = h.handover.WriteMsgUnix(message, control, nil)
		if err == nil {
			return nil
		}
		h.handover.Close()
		if !waited {
			return err
		} // else someone killed it while it waited
	}
}

func (c *crew) take() (h *hand, waited bool, err error) {
	c.mu.Lock()
	if last := len(c.idle) - 1; last >= 0 {
		h, c.idle = c.idle[last], c.idle[:last]
		h.leave.Stop()
		c.mu.Unlock()
		return h, true, nil
	}
	c.mu.Unlock()
	if h, err = c.hire(); err != nil {
		return nil, false, err
	}
	return h, false, nil
}

// hire starts a supervisor.
func (c *crew) hire() (*hand, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	defer ours.Close() // FileConn has a copy
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	h := &hand{handover: conn.(*net.UnixConn)}
	if h.pid, err = c.start(theirs.Fd()); err != nil {
		h.handover.Close()
		return nil, err
	}
	c.mu.Lock()
	c.all[h] = true
	if c.over {
		h.handover.Close()
	}
	c.mu.Unlock()
	go c.attend(h)
	return h, nil
}

// socketPair makes two sockets that are connected and that no other process inherits.
func socketPair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	for _, fd := range fds {
		syscall.CloseOnExec(fd)
	}
	return os.NewFile(uintptr(fds[0]), "handover"), os.NewFile(uintptr(fds[1]), "handover"), nil
}

// attend waits for a supervisor to be free, each time, until it leaves.
func (c *crew) attend(h *hand) {
	word := make([]byte, 1)
	for {
		if _, err := h.handover.Read(word); err != nil {
			break
		}
		c.rest(h)
	}
	c.mu.Lock()
	delete(c.all, h)
	c.drop(h)
	c.mu.Unlock()
	h.handover.Close()
	reap(h.pid) // where the server hung up first that is when its task has ended
}

// rest keeps a supervisor that is free, for a while.
func (c *crew) rest(h *hand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || len(c.idle) >= maxIdle {
		h.handover.Close()
		return
	}
	c.idle = append(c.idle, h)
	h.leave = time.AfterFunc(idleFor, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.drop(h) {
			h.handover.Close()
		}
	})
}

// drop removes a supervisor from those that wait; false if it does not. The caller
// has the lock.
func (c *crew) drop(h *hand) bool {
	for i, other := range c.idle {
		if other == h {
			c.idle = append(c.idle[:i], c.idle[i+1:]...)
			return true
		}
	}
	return false
}

// dismiss hangs up on all: those without a task leave, the others when theirs ends.
func (c *crew) dismiss() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for h := range c.all {
		h.handover.Close()
	}
	for _, h := range c.idle {
		h.leave.Stop()
	}
	c.idle = nil
}

// reap waits for a supervisor that was our child.
func reap(pid int) {
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}
