package engine

import (
	"container/heap"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// starts counts, by what they need, the jobs that run and have started within
// arrivalsOver.
type starts struct {
	needs []arrived
	at    map[batch.Resources]int // in needs
	order startOrder
}

// arrived is how many jobs of a need have started lately and run.
type arrived struct {
	need  batch.Resources
	count int
}

func newStarts() starts { return starts{at: map[batch.Resources]int{}} }

// add counts a job, once it has started.
func (s *starts) add(p *placed) {
	if p.StartedAt == 0 {
		return
	}
	s.lately(p.StartedAt.Time()) // nobody may ask for long
	s.count(p.Need, 1)
	p.counted = true
	heap.Push(&s.order, started{p.StartedAt, p})
}

// remove counts it no longer.
func (s *starts) remove(p *placed) {
	if p.counted {
		s.count(p.Need, -1)
		p.counted = false
	}
}

func (s *starts) count(need batch.Resources, n int) {
	i, ok := s.at[need]
	if !ok {
		i = len(s.needs)
		s.at[need] = i
		s.needs = append(s.needs, arrived{need: need})
	}
	if s.needs[i].count += n; s.needs[i].count > 0 {
		return
	}
	last := len(s.needs) - 1
	s.needs[i] = s.needs[last]
	s.at[s.needs[i].need] = i
	s.needs = s.needs[:last]
	delete(s.at, need)
}

// lately returns what has started lately.
func (s *starts) lately(now time.Time) []arrived {
	for len(s.order) > 0 && now.Sub(s.order[0].at.Time()) > arrivalsOver {
		first := heap.Pop(&s.order).(started)
		if first.job.StartedAt == first.at {
			s.remove(first.job)
		}
	}
	return s.needs
}

type started struct {
	at  batch.Millis
	job *placed
}

// startOrder is a heap, the earliest first. What is counted no longer stays until its
// turn comes.
type startOrder []started

func (o startOrder) Len() int           { return len(o) }
func (o startOrder) Less(i, j int) bool { return o[i].at < o[j].at }
func (o startOrder) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }
func (o *startOrder) Push(x any)        { *o = append(*o, x.(started)) }
func (o *startOrder) Pop() any {
	last := len(*o) - 1
	s := (*o)[last]
	(*o)[last] = started{}
	*o = (*o)[:last]
	return s
}
