//go:build unix

package supervisor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"
	"time"
)

// housekeeping is how often the supervisor reaps orphans that have ended and looks
// for a StopFile. Nothing else waits for it.
const housekeeping = 10 * time.Second

// Run is the life of a supervisor: it runs the task in dir to its end and returns
// the exit code of the process, 0 unless the task could not be taken up. What went
// wrong then is on standard error.
func Run(dir string) int {
	// Commands get a signal when the thread that forked them ends: this one ends last.
	runtime.LockOSThread()
	s, err := begin(dir)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s supervise %s: %v\n", time.Now().UTC().Format(time.RFC3339), dir, err)
		return 1
	}
	if s == nil {
		return 0 // another one has, or had, the task
	}
	s.loop()
	if err := s.finish(); err != nil {
		fmt.Fprintf(os.Stderr, "%s supervise %s: %v\n", time.Now().UTC().Format(time.RFC3339), dir, err)
		return 1
	}
	return 0
}

// supervisor is a task that runs. All but the goroutines that copy output and wait
// belongs to the loop.
type supervisor struct {
	dir        string
	spec       Spec
	started    *os.File // StartedFile
	null       *os.File // standard input of the commands
	containers []*container
	status     Status
	ending     bool // no more containers are started
	failed     bool // an essential container could not start

	exits    chan *container
	clients  []*os.File
	arrivals chan *os.File
	requests chan Request
}

// begin takes up the task in dir; nil when it is, or was, another supervisor's.
func begin(dir string) (*supervisor, error) {
	if !isSocket(ListenerFD) {
		return nil, fmt.Errorf("file descriptor %d is no socket: packhorse serve starts supervisors, do not start one by hand", ListenerFD)
	}
	syscall.CloseOnExec(ListenerFD)
	// The lock is never closed: it ends with the process.
	lock, err := syscall.Open(dir+"/"+LockFile, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", LockFile, err)
	}
	if err := syscall.Flock(lock, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, nil
	}
	s := &supervisor{
		dir:      dir,
		exits:    make(chan *container),
		arrivals: make(chan *os.File),
		requests: make(chan Request),
	}
	text, err := os.ReadFile(dir + "/" + SpecFile)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &s.spec); err != nil {
		return nil, fmt.Errorf("%s: %w", SpecFile, err)
	}
	s.started, err = os.OpenFile(dir+"/"+StartedFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.null, err = os.Open(os.DevNull); err != nil {
		return nil, err
	}
	adoptOrphans()
	s.status = Status{State: pending, Version: 1, Notes: s.spec.Notes}
	for i := range s.spec.Containers {
		s.containers = append(s.containers, &container{Container: &s.spec.Containers[i], number: i})
		s.status.Containers = append(s.status.Containers, ContainerStatus{Name: s.spec.Containers[i].Name})
	}
	go s.listen()
	return s, nil
}

// loop runs until every container has ended.
func (s *supervisor) loop() {
	chores := time.NewTicker(housekeeping)
	defer chores.Stop()
	for {
		s.startReady()
		if s.over() {
			return
		}
		overdue, stop := s.nextKill()
		select {
		case c := <-s.exits:
			s.exited(c)
		case client := <-s.arrivals:
			s.clients = append(s.clients, client)
			s.tell(client)
		case request := <-s.requests:
			s.obey(request)
		case <-overdue:
			s.killOverdue(time.Now())
		case <-chores.C:
			reapOrphans(s.alive())
			if reason, err := os.ReadFile(s.dir + "/" + StopFile); err == nil {
				s.end(stopUser, string(reason))
			}
		}
		stop()
	}
}

// over reports whether all containers have ended.
func (s *supervisor) over() bool {
	for _, c := range s.containers {
		if c.state != ended {
			return false
		}
	}
	return true
}

// alive are the process ids of the containers that run.
func (s *supervisor) alive() map[int]bool {
	pids := map[int]bool{}
	for _, c := range s.containers {
		if c.state == started {
			pids[c.pid] = true
		}
	}
	return pids
}

// finish records the end, tells of it and cleans up.
func (s *supervisor) finish() error {
	s.status.State = stopped
	s.status.StoppedAt = time.Now().UTC()
	if s.status.StopCode == "" {
		s.status.StopCode, s.status.Reason = stopEssentialExited, reasonEssentialExited
	}
	s.status.Version++
	text, err := json.Marshal(s.status)
	if err != nil {
		return err
	}
	if err := replaceFile(s.dir+"/"+ExitFile, text); err != nil {
		return err // the server finds the lock free and no end: the task is lost
	}
	err = ignoreMissing(os.Remove(s.spec.Socket))
	for _, client := range s.clients {
		s.tell(client)
	}
	return err
}

// WriteExit records the final status of a task whose supervisor did not live to
// do it. The caller holds the task's lock.
func WriteExit(dir string, status Status) error {
	text, err := json.Marshal(status)
	if err != nil {
		return err
	}
	return replaceFile(dir+"/"+ExitFile, text)
}

// replaceFile writes a file so that it is there whole or not at all. It is not
// flushed to the disk: after a power cut nothing of the task runs, and a missing
// end means just that it was lost.
func replaceFile(path string, text []byte) error {
	if err := os.WriteFile(path+".tmp", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
