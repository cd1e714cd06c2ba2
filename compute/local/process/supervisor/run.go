//go:build unix

package supervisor

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
)

// housekeeping is how often the supervisor reaps orphans that have ended and looks
// for a StopFile. Nothing else waits for it.
const housekeeping = 10 * time.Second

// supervise runs the task in dir to its end, and tells of it on the connections that
// listener takes. It returns nil, too, when another supervisor has, or had, the task.
func supervise(dir string, listener int) error {
	s, err := begin(dir)
	if s == nil || err != nil {
		return errors.Join(err, syscall.Close(listener))
	}
	if s.listener, err = asFile(listener, "listener"); err != nil {
		return errors.Join(err, s.letGo())
	}
	s.listening.Go(s.listen)
	s.loop()
	return errors.Join(s.finish(), s.letGo())
}

// supervisor is a task that runs. All but the goroutines that copy output and wait
// belongs to the loop.
type supervisor struct {
	dir        string
	spec       Spec
	journal    *os.File // locked
	listener   *os.File
	null       *os.File // standard input of the commands
	containers []*container
	status     Status
	ending     bool // no more containers are started

	exits    chan *container
	clients  []*os.File
	arrivals chan *os.File
	requests chan Request
	done     chan struct{} // closed when nobody receives from the channels any more

	listening sync.WaitGroup // all that sends to arrivals and requests
}

// begin takes up the task in dir; nil when it is, or was, another supervisor's.
func begin(dir string) (*supervisor, error) {
	journal, err := os.OpenFile(JournalPath(dir), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	s, err := takeUp(dir, journal)
	if s == nil || err != nil {
		return nil, errors.Join(err, journal.Close())
	}
	return s, nil
}

// takeUp locks the journal, until it is closed, and notes in it that the task is
// this supervisor's.
func takeUp(dir string, journal *os.File) (*supervisor, error) {
	if err := syscall.Flock(int(journal.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, nil //nolint:nilerr // another supervisor has the task
	}
	past, err := parseJournal(journal)
	if err != nil {
		return nil, err
	}
	if !past.Started.IsZero() || past.End != nil {
		return nil, nil
	}
	if past.Task == nil {
		return nil, errNoTask
	}
	now := time.Now().UTC()
	if err := appendWhenRoom(journal, Record{Started: &now, Supervisor: os.Getpid()}, untilRoom); err != nil {
		return nil, err
	}
	s := &supervisor{
		dir:      dir,
		spec:     *past.Task,
		journal:  journal,
		exits:    make(chan *container),
		arrivals: make(chan *os.File),
		requests: make(chan Request),
		done:     make(chan struct{}),
	}
	if s.null, err = os.Open(os.DevNull); err != nil {
		return nil, err
	}
	s.status = Status{State: pending, Version: 1, Notes: s.spec.Notes}
	for i := range s.spec.Containers {
		s.containers = append(s.containers, &container{Container: &s.spec.Containers[i], number: i})
		s.status.Containers = append(s.status.Containers, ContainerStatus{Name: s.spec.Containers[i].Name})
	}
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

// letGo closes all that belongs to the task, its lock with it.
func (s *supervisor) letGo() error {
	close(s.done)
	if s.listener != nil {
		s.listener.Close() // nobody is told who dials from now on: the end is in the journal
	}
	for _, client := range s.clients {
		client.Close()
	}
	s.listening.Wait()
	return errors.Join(s.null.Close(), s.journal.Close())
}

// untilRoom passes the time while the disk is full.
func untilRoom() { time.Sleep(roomAgain) }

// finish records the end, tells of it and cleans up.
func (s *supervisor) finish() error {
	s.status.State = stopped
	s.status.StoppedAt = time.Now().UTC()
	if s.status.StopCode == "" {
		s.status.StopCode, s.status.Reason = stopEssentialExited, reasonEssentialExited
	}
	s.status.Version++
	if err := appendWhenRoom(s.journal, Record{End: &s.status}, untilRoom); err != nil {
		return err // the server finds the lock free and no end: the task is lost
	}
	err := os.Remove(s.spec.Socket)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, client := range s.clients {
		s.tell(client)
	}
	return err
}
