package scheduler

import (
	"cmp"
	"container/heap"
)

// shareState is a share as the plan walks through it.
type shareState struct {
	Share
	at     int // index of the job whose turn it is
	placed int // of that job so far
}

// score orders shares: the least used for its weight comes first.
func (s *shareState) score() float64 { return s.Usage * s.Weight }

// quantum is how many of a job are placed in one turn: all of them in a
// first-in-first-out queue; one where shares take turns.
func (s *shareState) quantum(q *Queue, j *Job) int {
	if q.Fair != nil && len(q.Shares) > 1 {
		return 1
	}
	return j.Count - s.placed
}

// shareHeap hands out the shares of a queue in order of score.
type shareHeap []*shareState

func newShareHeap(q *Queue) *shareHeap {
	h := make(shareHeap, 0, len(q.Shares))
	for _, s := range q.Shares {
		if len(s.Jobs) == 0 {
			continue
		}
		if s.Weight <= 0 {
			s.Weight = 1
		}
		h = append(h, &shareState{Share: s})
	}
	heap.Init(&h)
	return &h
}

// next returns the share whose turn it is, nil when no job is left.
func (h *shareHeap) next() *shareState {
	for h.Len() > 0 {
		if s := (*h)[0]; s.at < len(s.Jobs) {
			return s
		}
		heap.Pop(h)
	}
	return nil
}

// reorder puts the share at the front where it belongs now.
func (h *shareHeap) reorder() { heap.Fix(h, 0) }

func (h shareHeap) Len() int { return len(h) }
func (h shareHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].score(), h[j].score()), cmp.Compare(h[i].ID, h[j].ID)) < 0
}
func (h shareHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *shareHeap) Push(x any)   { *h = append(*h, x.(*shareState)) }
func (h *shareHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
