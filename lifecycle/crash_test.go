package lifecycle_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// story is what happens up to the crash. It goes on after errors: the calls of one who
// has crashed all fail.
type story func(s *scene)

// The stories touch all that follows from an end. Jobs are named as they are made:
// job-001, job-002, ...
var stories = map[string]story{
	"a chain fails": func(s *scene) {
		_, _ = s.trySubmit()
		_, _ = s.trySubmit(after("job-001"))
		_, _ = s.trySubmit(array(3), after("job-002"))
		_, _ = s.trySubmit(after("job-003:1"), after("job-001"))
		_ = s.move("job-001", batch.Starting)
		_ = s.move("job-001", batch.Failed)
	},
	"a chain goes on": func(s *scene) {
		_, _ = s.trySubmit()
		_, _ = s.trySubmit(after("job-001"))
		_, _ = s.trySubmit(array(3), after("job-001"))
		for _, to := range []batch.Status{batch.Starting, batch.Succeeded} {
			_ = s.move("job-001", to)
		}
		for _, to := range []batch.Status{batch.Starting, batch.Succeeded} {
			_ = s.move("job-003:0", to)
			_ = s.move("job-003:1", to)
		}
	},
	"counterparts": func(s *scene) {
		_, _ = s.trySubmit(array(4))
		_, _ = s.trySubmit(array(4), beside("job-001"))
		_, _ = s.trySubmit(array(4), beside("job-001"), inSequence)
		for i, end := range []batch.Status{batch.Succeeded, batch.Failed, batch.Succeeded} {
			id := fmt.Sprintf("job-001:%d", i)
			_ = s.move(id, batch.Starting)
			_ = s.move(id, end)
		}
		_, _ = s.trySubmit(array(4), beside("job-002"))
	},
	"a sequence with a gap": func(s *scene) {
		_, _ = s.trySubmit(array(5), inSequence)
		_, _ = s.trySubmit(after("job-001:4"))
		_, _ = s.Stop(s.ctx, "job-001:2", batch.Stop{Kind: batch.StopCancel, Reason: "enough"})
		for _, to := range []batch.Status{batch.Starting, batch.Succeeded} {
			_ = s.move("job-001:0", to)
		}
	},
	"an array is terminated": func(s *scene) {
		_, _ = s.trySubmit(array(6))
		_, _ = s.trySubmit(array(6), beside("job-001"))
		_, _ = s.trySubmit(after("job-001:5"))
		for i := range 3 {
			_ = s.move(fmt.Sprintf("job-001:%d", i), batch.Starting)
		}
		_, _ = s.Stop(s.ctx, "job-001", batch.Stop{Kind: batch.StopTerminate, Reason: "enough"})
	},
}

// crash is the end of a Packhorse at one of its writes: nothing it calls from then on
// is answered.
type crash struct {
	at     int // the write, from 1
	fault  storetest.Fault
	writes int
	over   bool // it has happened
}

func (c *crash) fate(call storetest.Call) storetest.Fault {
	if c.over {
		return storetest.Before
	}
	if call.Method == "Write" {
		if c.writes++; c.writes == c.at {
			c.over = true
			return c.fault
		}
	}
	return storetest.None
}

// A crash comes before or after any of the writes; another Packhorse then looks at all
// jobs that wait. What it leaves must be what there would be without the crash: nobody
// waits for what has ended.
func TestResolveMendsACrashBetweenAnyTwoWrites(t *testing.T) {
	for name, tell := range stories {
		for _, fault := range []storetest.Fault{storetest.Before, storetest.After} {
			for n := 1; ; n++ {
				table := mem.Open()
				s := newScene(t, table)
				c := &crash{at: n, fault: fault}
				s.open(storetest.Faulty(table, c.fate))
				tell(s)
				s.open(table)
				for range 2 { // the second look finds what the first has made possible
					for _, id := range waiting(s) {
						s.must(s.Resolve(s.ctx, id))
					}
				}
				s.settled()
				if t.Failed() {
					t.Fatalf("%s: the crash came at write %d (fault %d)", name, n, fault)
				}
				if !c.over {
					break
				}
			}
		}
	}
}

func waiting(s *scene) []string {
	page, err := s.Records.ListJobs(s.ctx, "q", store.Waiting, store.ListRange{Limit: 1000})
	s.must(err)
	var ids []string
	for _, j := range page.Jobs {
		ids = append(ids, j.ID)
	}
	slices.Sort(ids)
	return ids
}

// settled checks that every job waits for what has not ended, and that none goes on
// waiting or running for what has failed.
func (s *scene) settled() {
	s.t.Helper()
	for i := range s.made {
		id := fmt.Sprintf("job-%03d", i+1)
		known, err := s.Describe(s.ctx, []string{id})
		s.must(err)
		parent, ok := known[id]
		if !ok {
			continue // its submission crashed
		}
		spec, err := s.Records.Spec(s.ctx, id)
		s.must(err)
		s.families(id)
		members := []string{id}
		if parent.Array != nil {
			members = nil
			for c := range parent.Array.Size {
				members = append(members, batch.ChildID(id, c))
			}
			if parent.Stop != nil && parent.Stop.Kind == batch.StopTerminate {
				for _, m := range members {
					if j := s.job(m); !batch.Final(j.Status) && j.Stop == nil {
						s.t.Errorf("%s is %s and not asked to stop, though its array is", m, j.Status)
					}
				}
			}
		}
		for index, m := range members {
			whole, gate := waitsFor(id, index, spec)
			s.settledOne(m, whole, gate)
		}
	}
}

// waitsFor lists what a plain job or a child waits for: with the whole array, and as a
// child.
func waitsFor(id string, index int, spec store.Spec) (whole, gate []string) {
	for _, d := range spec.Request.DependsOn {
		switch {
		case d.JobId == nil && index > 0:
			gate = append(gate, batch.ChildID(id, index-1))
		case d.JobId == nil:
		case d.Type == types.ArrayJobDependencyNToN:
			gate = append(gate, batch.ChildID(*d.JobId, index))
		default:
			whole = append(whole, *d.JobId)
		}
	}
	return whole, gate
}

func (s *scene) settledOne(id string, whole, gate []string) {
	s.t.Helper()
	j := s.job(id)
	// look tells what there is of jobs that have not ended, and of jobs that failed.
	look := func(ids []string) (open, broken bool) {
		for _, other := range ids {
			status := s.job(other).Status
			open = open || !batch.Final(status)
			broken = broken || status == batch.Failed
		}
		return open, broken
	}
	wholeOpen, wholeBroken := look(whole)
	gateOpen, gateBroken := look(gate)
	// The gate is looked at when the array itself waits no more.
	broken := wholeBroken || gateBroken && !wholeOpen
	open := wholeOpen || gateOpen
	on := slices.Concat(whole, gate)
	switch {
	case broken && j.Status != batch.Failed:
		s.t.Errorf("%s is %s, though one of %v failed", id, j.Status, on)
	case open && j.Status != batch.Pending && j.Status != batch.Failed:
		s.t.Errorf("%s is %s, though one of %v has not ended", id, j.Status, on)
	case !open && !broken && j.Status == batch.Pending:
		s.t.Errorf("%s is still %s, though all of %v succeeded", id, j.Status, on)
	}
}
