package computetest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// scene is a backend under test and all news of it.
type scene struct {
	*testing.T
	h       Harness
	backend compute.Backend
	ctx     context.Context
	news    *newspaper

	tidy      func() // cleanup, once
	stopWatch context.CancelFunc
	watching  chan error // what Watch returned

	mu       sync.Mutex
	ran      []string // ids of tasks, for the cleanup
	launched []string // ids of hosts
}

func newScene(t *testing.T, h Harness) *scene {
	t.Helper()
	if h.Backend == nil || h.Exit == nil || h.Forever == nil {
		t.Fatal("computetest: a harness needs Backend, Exit and Forever")
	}
	if h.Patience == 0 {
		h.Patience = defaultPatience
	}
	s := &scene{T: t, h: h, backend: h.Backend, ctx: context.WithoutCancel(t.Context()), news: newNewspaper()}
	s.tidy = sync.OnceFunc(s.cleanup)
	s.watch()
	t.Cleanup(s.tidy)
	return s
}

// watch begins to collect news.
func (s *scene) watch() {
	ctx, cancel := context.WithCancel(s.ctx)
	ended, backend := make(chan error, 1), s.backend
	s.stopWatch, s.watching = cancel, ended
	go func() { ended <- backend.Watch(ctx, s.news.take) }()
}

// unwatch ends the watch and returns what it returned.
func (s *scene) unwatch() error {
	s.Helper()
	s.stopWatch()
	select {
	case err := <-s.watching:
		s.watching <- err // for a second unwatch
		return err
	case <-time.After(s.h.Patience):
		s.Fatalf("Watch did not return within %s after its context ended", s.h.Patience)
		return nil
	}
}

// reopen restarts the server.
func (s *scene) reopen() {
	s.Helper()
	if err := s.unwatch(); !errors.Is(err, context.Canceled) {
		s.Errorf("Watch() = %v after its context ended, want context.Canceled", err)
	}
	s.backend = s.h.Reopen(s.T)
	s.Cleanup(s.tidy) // once more: before what Reopen may have left to clean up
	s.watch()
}

// cleanup leaves nothing running, so that backends over real machinery can be
// tested again.
func (s *scene) cleanup() {
	for _, id := range s.ran {
		if err := s.backend.Stop(s.ctx, id, "the test is over"); err != nil {
			s.Errorf("cleanup: Stop(%s) = %v", id, err)
		}
	}
	if !s.Failed() { // what failed may never stop
		for _, id := range s.ran {
			s.until("task "+id+" stops, in the cleanup", func() bool {
				status, ok := s.listed(id)
				return !ok || status.State == compute.TaskStopped
			})
		}
	}
	for _, id := range s.ran {
		if err := s.backend.Forget(s.ctx, id); err != nil {
			s.Errorf("cleanup: Forget(%s) = %v", id, err)
		}
	}
	for _, id := range s.launched {
		if err := s.backend.Terminate(s.ctx, id); err != nil {
			s.Errorf("cleanup: Terminate(%s) = %v", id, err)
		}
	}
	s.unwatch()
}

// until waits until ok holds, looking again whenever there is news.
func (s *scene) until(what string, ok func() bool) {
	s.Helper()
	deadline := time.NewTimer(s.h.Patience)
	defer deadline.Stop()
	for {
		changed := s.news.next()
		if ok() {
			return
		}
		if s.h.Step != nil && s.h.Step() {
			continue
		}
		select {
		case <-changed:
		case <-time.After(lookAgain): // what ok asks may be no news, such as a call that now succeeds
		case <-deadline.C:
			s.Fatalf("waited %s in vain until %s; news so far:\n%s", s.h.Patience, what, s.news)
		}
	}
}

// lookAgain is how often a condition is tried while there is no news.
const lookAgain = 50 * time.Millisecond

// small is what the suite's tasks need: enough for a shell in a container.
var small = batch.Resources{MilliVCPU: 100, MemoryMiB: 32}

// stopTimeout keeps the suite quick where a program does not obey SIGTERM.
const stopTimeout = 2 * time.Second

// newID returns 32 hex digits that no other test has.
func newID() string {
	var id [16]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// task makes a task of one container on a host.
func (s *scene) task(host string, c compute.Container) compute.Task {
	task := compute.Task{ID: newID(), JobID: "job-" + newID()[:8], Attempt: 1, Cluster: "computetest", Host: host}
	c.Name, c.Essential = "default", true
	task.Containers = []compute.Container{s.dress(task, c)}
	return task
}

// dress sets what the suite decides in a container of the harness.
func (s *scene) dress(task compute.Task, c compute.Container) compute.Container {
	if c.Need == (batch.Resources{}) {
		c.Need = small
	}
	c.StopTimeout = stopTimeout
	c.LogGroup, c.LogStream = "/aws/batch/job", "computetest/"+c.Name+"/"+task.ID
	return c
}

// run runs a task, which must be accepted.
func (s *scene) run(task compute.Task) compute.Task {
	s.Helper()
	s.remember(task.ID)
	if err := s.backend.Run(s.ctx, task); err != nil {
		s.Fatalf("Run(%s on host %q) = %v", task.ID, task.Host, err)
	}
	return task
}

func (s *scene) remember(task string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran = append(s.ran, task)
}

// running runs a task for ever and waits until it runs.
func (s *scene) running(host string) compute.Task {
	s.Helper()
	task := s.run(s.task(host, s.h.Forever()))
	s.reaches(task.ID, compute.TaskRunning)
	return task
}

// reaches waits for news of a task in a state, and returns it.
func (s *scene) reaches(id string, state compute.TaskState) compute.TaskStatus {
	s.Helper()
	var status compute.TaskStatus
	s.until("task "+id+" is "+string(state), func() bool {
		status = s.news.task(id)
		if status.State == compute.TaskStopped && state != compute.TaskStopped {
			s.Fatalf("task %s stopped (%s: %s) while waiting for it to be %s\n%s", id, status.StopCode, status.Reason, state, s.news)
		}
		return status.State == state
	})
	return status
}

// stopped waits until a task has stopped, and returns its end.
func (s *scene) stopped(id string) compute.TaskStatus {
	s.Helper()
	return s.reaches(id, compute.TaskStopped)
}

// listed returns a task as ListTasks tells it.
func (s *scene) listed(id string) (compute.TaskStatus, bool) {
	s.Helper()
	list, err := s.backend.ListTasks(s.ctx)
	if err != nil {
		s.Errorf("ListTasks() = %v", err)
	}
	for _, status := range list {
		if status.ID == id {
			return status, true
		}
	}
	return compute.TaskStatus{}, false
}

// host launches a host, waits until it is READY and returns it. Without hosts it
// returns the zero value, whose id is that of no host.
func (s *scene) host() compute.Host {
	s.Helper()
	if s.h.Host == nil {
		return compute.Host{}
	}
	h, err := s.launch(s.h.Host("h-" + newID()[:12]))
	if err != nil {
		s.Fatalf("Launch() = %v", err)
	}
	return s.ready(h.ID)
}

func (s *scene) launch(request compute.HostRequest) (compute.Host, error) {
	s.mu.Lock()
	s.launched = append(s.launched, request.ID)
	s.mu.Unlock()
	return s.backend.Launch(s.ctx, request)
}

// ready waits until a host is READY.
func (s *scene) ready(id string) compute.Host {
	s.Helper()
	var host compute.Host
	s.until("host "+id+" is READY", func() bool {
		host, _ = s.listedHost(id)
		return host.State == compute.HostReady
	})
	return host
}

// gone waits until a host is in no list any more.
func (s *scene) gone(id string) {
	s.Helper()
	s.until("host "+id+" is gone", func() bool {
		_, ok := s.listedHost(id)
		return !ok
	})
}

// listedHost returns a host as ListHosts tells it.
func (s *scene) listedHost(id string) (compute.Host, bool) {
	s.Helper()
	list, err := s.backend.ListHosts(s.ctx)
	if err != nil {
		s.Errorf("ListHosts() = %v", err)
	}
	for _, host := range list {
		if host.ID == id {
			return host, true
		}
	}
	return compute.Host{}, false
}

// newspaper keeps all news and the latest state by version.
type newspaper struct {
	mu      sync.Mutex
	all     []compute.News
	tasks   map[string]compute.TaskStatus
	changed chan struct{} // closed with the next news
}

func newNewspaper() *newspaper {
	return &newspaper{tasks: map[string]compute.TaskStatus{}, changed: make(chan struct{})}
}

func (n *newspaper) take(news []compute.News) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, news...)
	for _, one := range news {
		if t := one.Task; t != nil && t.Version >= n.tasks[t.ID].Version {
			n.tasks[t.ID] = *t
		}
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// next returns a channel that is closed with the next news.
func (n *newspaper) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// task returns the latest state of a task; the zero value before its first news.
func (n *newspaper) task(id string) compute.TaskStatus {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tasks[id]
}

// pages returns all news so far, in the order in which it came.
func (n *newspaper) pages() []compute.News {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all[:len(n.all):len(n.all)]
}

func (n *newspaper) String() string {
	var b strings.Builder
	for _, one := range n.pages() {
		switch {
		case one.Task != nil:
			t := one.Task
			fmt.Fprintf(&b, "  task %s version %d %s %s %s\n", t.ID, t.Version, t.State, t.StopCode, t.Reason)
		case one.Host != nil:
			fmt.Fprintf(&b, "  host %s version %d %s %s\n", one.Host.ID, one.Host.Version, one.Host.State, one.Host.Reason)
		}
	}
	return b.String()
}
