package lifecycle_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestSequentialChildrenRunOneAfterTheOther(t *testing.T) {
	s := inMemory(t)
	id := s.submit(array(3), inSequence)
	s.wants(batch.Runnable, id+":0")
	s.wants(batch.Pending, id, id+":1", id+":2")
	s.runs(batch.Succeeded, id+":0")
	s.wants(batch.Runnable, id+":1")
	s.wants(batch.Pending, id+":2")
	s.runs(batch.Succeeded, children(id, 1, 2)...)
	s.wants(batch.Succeeded, id)
	s.families(id)
}

func TestAFailureEndsASequence(t *testing.T) {
	s := inMemory(t)
	id := s.submit(array(2000), inSequence)
	s.runs(batch.Succeeded, id+":0")
	s.runs(batch.Failed, id+":1")
	s.failedBecause(id+":1", children(id, 2, 3, 1999)...)
	s.wants(batch.Failed, id)
	s.families(id)
	if n := s.job(id).Array.Unstarted; n != 1998 {
		t.Errorf("%d children were written to be failed; %d should have no record", 2000-n, 1998)
	}
}

func TestAChildThatIsStoppedBeforeItsTurnFailsThoseBehindItOnly(t *testing.T) {
	s := inMemory(t)
	id := s.submit(array(6), inSequence)
	s.start(id + ":0")
	s.stop(batch.StopCancel, id+":3")
	s.failedBecause(id+":3", id+":4")
	s.failedBecause(id+":4", id+":5")
	s.wants(batch.Pending, children(id, 1, 2)...)
	s.ends(batch.Succeeded, id+":0")
	s.runs(batch.Succeeded, children(id, 1, 2)...)
	s.wants(batch.Failed, id)
	s.families(id)
}

func TestNToNChildrenFollowTheirCounterparts(t *testing.T) {
	s := inMemory(t)
	a := s.submit(array(4))
	b := s.submit(array(4), beside(a))
	s.wants(batch.Pending, children(b, 0, 1, 2, 3)...)
	s.start(children(a, 0, 1, 2)...)
	s.ends(batch.Succeeded, a+":2")
	s.ends(batch.Failed, a+":1")
	s.wants(batch.Runnable, b+":2")
	s.failedBecause(a+":1", b+":1")
	s.wants(batch.Pending, b+":0", b+":3")
	s.families(a, b)
}

func TestNToNChildrenFollowCounterpartsThatNeverStarted(t *testing.T) {
	s := inMemory(t)
	a := s.submit(array(4))
	b := s.submit(array(4), beside(a))
	c := s.submit(after(a + ":3"))
	s.start(a + ":0")
	s.stop(batch.StopTerminate, a)
	s.wants(batch.Pending, a, b+":0") // a:0 runs until it is stopped
	s.failedBecause(a+":3", b+":3", c)
	s.ends(batch.Failed, a+":0")
	s.failedBecause(a+":0", b+":0")
	s.wants(batch.Failed, a, b)
	s.families(a, b)
}

func TestAnArrayMayWaitForSeveralCounterparts(t *testing.T) {
	s := inMemory(t)
	a, b := s.submit(array(2)), s.submit(array(2))
	c := s.submit(array(2), beside(a, b))
	s.runs(batch.Succeeded, a+":0")
	s.wants(batch.Pending, c+":0")
	s.runs(batch.Succeeded, b+":0")
	s.wants(batch.Runnable, c+":0")
	s.runs(batch.Failed, b+":1")
	s.failedBecause(b+":1", c+":1")
}

func TestASequenceMayAlsoFollowCounterparts(t *testing.T) {
	s := inMemory(t)
	a := s.submit(array(5))
	b := s.submit(array(5), beside(a), inSequence)
	s.start(children(a, 0, 1, 2, 3, 4)...)
	s.ends(batch.Succeeded, a+":1")
	s.wants(batch.Pending, b+":1") // b:0 comes first
	s.ends(batch.Succeeded, a+":0")
	s.wants(batch.Runnable, b+":0")
	s.ends(batch.Failed, a+":3")
	s.failedBecause(a+":3", b+":3")
	s.failedBecause(b+":3", b+":4")
	s.ends(batch.Succeeded, a+":2", a+":4")
	s.runs(batch.Succeeded, children(b, 0, 1, 2)...)
	s.wants(batch.Failed, a, b)
	s.families(a, b)
}

func TestAGatedArrayWaitsForPlainDependenciesFirst(t *testing.T) {
	s := inMemory(t)
	first := s.submit()
	a := s.submit(array(2))
	b := s.submit(array(2), after(first), beside(a))
	c := s.submit(array(2), after(first), inSequence)
	s.runs(batch.Succeeded, a+":0")
	s.wants(batch.Pending, b+":0", c+":0")
	s.runs(batch.Succeeded, first)
	s.wants(batch.Runnable, b+":0", c+":0")
	s.wants(batch.Pending, b+":1", c+":1")
	s.families(a, b, c)
}

// Both kinds of dependency on one array, in any order.
func TestAnArrayIsWaitedForAsAWholeAndChildByChild(t *testing.T) {
	s := inMemory(t)
	a := s.submit(array(2))
	b := s.submit(array(2), beside(a), after(a))
	c := s.submit(array(2), after(a), beside(a))
	s.runs(batch.Succeeded, a+":0")
	s.wants(batch.Pending, b+":0", c+":0")
	s.runs(batch.Succeeded, a+":1")
	s.wants(batch.Runnable, b+":0", b+":1", c+":0", c+":1")
	s.families(a, b, c)
}

func TestADependencyThatFailedClosesAGatedArray(t *testing.T) {
	s := inMemory(t)
	first := s.submit()
	a := s.submit(array(3))
	b := s.submit(array(3), after(first), beside(a))
	last := s.submit(after(b))
	s.runs(batch.Failed, first)
	s.failedBecause(first, b, b+":0", b+":2")
	s.failedBecause(b, last)
	s.runs(batch.Succeeded, children(a, 0, 1, 2)...)
	s.families(a, b)
}

func TestArraysThatEndedAlreadyAreFollowedAtOnce(t *testing.T) {
	s := inMemory(t)
	a := s.submit(array(3))
	s.runs(batch.Succeeded, children(a, 0, 2)...)
	s.runs(batch.Failed, a+":1")
	b := s.submit(array(3), beside(a))
	s.wants(batch.Runnable, b+":0", b+":2")
	s.failedBecause(a+":1", b+":1")
	s.failedBecause(a, s.submit(after(a)))
	s.wants(batch.Runnable, s.submit(after(a+":2")))
	s.families(a, b)
}
