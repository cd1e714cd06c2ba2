package lifecycle_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestAJobWaitsForAllThatItDependsOn(t *testing.T) {
	s := inMemory(t)
	first, second := s.submit(), s.submit(array(2))
	third := s.submit(after(first, second, first)) // twice is once
	if n := s.job(third).WaitsFor; n != 2 {
		t.Errorf("it waits for %d jobs, want 2", n)
	}
	s.runs(batch.Succeeded, first)
	s.runs(batch.Succeeded, second+":0")
	s.wants(batch.Pending, third)
	s.runs(batch.Succeeded, second+":1")
	s.wants(batch.Runnable, third)
}

func TestAFailureGoesDownTheLine(t *testing.T) {
	s := inMemory(t)
	first := s.submit()
	second := s.submit(after(first))
	third := s.submit(array(3), after(second))
	fourth := s.submit(after(third + ":1"))
	s.runs(batch.Failed, first)
	s.failedBecause(first, second)
	s.failedBecause(second, third, third+":0", third+":2")
	s.failedBecause(third+":1", fourth)
	s.families(third)
}

func TestOneFailureIsEnough(t *testing.T) {
	s := inMemory(t)
	good, bad, open := s.submit(), s.submit(), s.submit()
	waits := s.submit(after(good, bad, open))
	s.runs(batch.Succeeded, good)
	s.runs(batch.Failed, bad)
	s.failedBecause(bad, waits)
	s.runs(batch.Succeeded, open)
	s.failedBecause(bad, waits)
}

func TestMoreDependenciesThanOneWriteHolds(t *testing.T) {
	s := inMemory(t)
	var ids []string
	for range 250 {
		ids = append(ids, s.submit())
	}
	waits := s.submit(after(ids...))
	for _, id := range ids[:249] {
		s.runs(batch.Succeeded, id)
	}
	s.wants(batch.Pending, waits)
	s.runs(batch.Succeeded, ids[249])
	s.wants(batch.Runnable, waits)
	s.wants(batch.Runnable, s.submit(after(ids...))) // all ended before
}

func TestMoreWaitersThanOnePage(t *testing.T) {
	s := inMemory(t)
	first := s.submit()
	var waits []string
	for range 1500 {
		waits = append(waits, s.submit(after(first)))
	}
	s.runs(batch.Succeeded, first)
	s.wants(batch.Runnable, waits...)
}

func TestAChildIsWaitedForLikeAJob(t *testing.T) {
	s := inMemory(t)
	a := s.submit(array(3))
	x, y, z := s.submit(after(a+":0")), s.submit(after(a+":1")), s.submit(after(a+":1", a+":2"))
	s.runs(batch.Succeeded, a+":1")
	s.wants(batch.Pending, x, z)
	s.wants(batch.Runnable, y)
	s.runs(batch.Failed, a+":0")
	s.failedBecause(a+":0", x)
	s.runs(batch.Succeeded, a+":2")
	s.wants(batch.Runnable, z)
}

func TestJobsThatBecomeRunnableWakeTheirQueue(t *testing.T) {
	s := inMemory(t)
	woken := 0
	s.Woken = func(queue string) {
		if queue != "q" {
			t.Errorf("queue %q was woken", queue)
		}
		woken++
	}
	first := s.submit()
	s.submit(after(first))
	s.submit(array(2), after(first))
	s.submit(array(2), inSequence, after(first))
	s.runs(batch.Succeeded, first)
	if woken < 3 {
		t.Errorf("the queue was woken %d times, want once for each of 3", woken)
	}
}
