package computetest

import (
	"context"
	"errors"
	"slices"

	"github.com/packhorse-batch/packhorse/compute"
)

// states is the order of a task's life.
var states = []compute.TaskState{compute.TaskPending, compute.TaskRunning, compute.TaskStopped}

func statesAndVersions(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	if listed, _ := s.listed(task.ID); listed.State != compute.TaskRunning || listed.Version < s.news.task(task.ID).Version {
		s.Errorf("news tells version %d RUNNING, ListTasks version %d %s", s.news.task(task.ID).Version, listed.Version, listed.State)
	}
	s.stop(task.ID)
	last := s.stopped(task.ID)
	if listed, _ := s.listed(task.ID); listed.State != compute.TaskStopped || listed.Version < last.Version || listed.StopCode != last.StopCode {
		s.Errorf("news tells version %d %s %s, ListTasks version %d %s %s",
			last.Version, last.State, last.StopCode, listed.Version, listed.State, listed.StopCode)
	}

	// By version, whatever order they came in.
	var life []compute.TaskStatus
	for _, one := range s.news.pages() {
		if one.Task != nil && one.Task.ID == task.ID {
			life = append(life, *one.Task)
		}
		if (one.Task == nil) == (one.Host == nil) {
			s.Errorf("news %+v has both a task and a host, or neither", one)
		}
	}
	slices.SortStableFunc(life, func(a, b compute.TaskStatus) int { return int(a.Version - b.Version) })
	for i := 1; i < len(life); i++ {
		before, after := life[i-1], life[i]
		if slices.Index(states, after.State) < slices.Index(states, before.State) {
			s.Errorf("version %d is %s, version %d is %s", before.Version, before.State, after.Version, after.State)
		}
		if before.Version == after.Version && before.State != after.State {
			s.Errorf("version %d is %s and %s", before.Version, before.State, after.State)
		}
	}
}

// stop stops a task.
func (s *scene) stop(id string) {
	s.Helper()
	if err := s.backend.Stop(s.ctx, id, "stopped by the test"); err != nil {
		s.Fatalf("Stop(%s) = %v", id, err)
	}
}

func newsInOrder(s *scene) {
	host := s.host()
	for range 3 {
		task := s.running(host.ID)
		s.stop(task.ID)
		s.stopped(task.ID)
	}
	if host.ID != "" {
		s.terminate(host.ID)
		s.gone(host.ID)
	}
	versions := map[string]int64{}
	for _, one := range s.news.pages() {
		var what string
		var version int64
		switch {
		case one.Task != nil:
			what, version = "task "+one.Task.ID, one.Task.Version
		case one.Host != nil:
			what, version = "host "+one.Host.ID, one.Host.Version
		}
		if last, ok := versions[what]; ok && version <= last {
			s.Errorf("news of %s has version %d after %d", what, version, last)
		}
		versions[what] = version
	}
}

func watchEnds(s *scene) {
	if err := s.unwatch(); !errors.Is(err, context.Canceled) {
		s.Errorf("Watch() = %v after its context ended, want context.Canceled", err)
	}
}

func watchEnded(s *scene) {
	s.unwatch()
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := s.backend.Watch(ctx, func([]compute.News) {}); !errors.Is(err, context.Canceled) {
		s.Errorf("Watch() = %v with an ended context, want context.Canceled", err)
	}
}

func watchAgain(s *scene) {
	host := s.host()
	task := s.running(host.ID)
	s.unwatch()
	s.watch()
	s.stop(task.ID)
	s.stopped(task.ID)
	after := s.run(s.task(host.ID, s.h.Exit(0)))
	checkExit(s, after, s.stopped(after.ID), 0)
}
