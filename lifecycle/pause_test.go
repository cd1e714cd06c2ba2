package lifecycle_test

import (
	"context"
	"slices"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
)

// Each time that another was quicker, a change waits before its next try: the children
// of an array all want its record.
func TestAChangeThatLosesWaitsItsTurn(t *testing.T) {
	for name, id := range map[string]string{"a child": "job-001:0", "a plain job": "job-002"} {
		t.Run(name, func(t *testing.T) {
			s := inMemory(t)
			s.submit(array(2))
			s.submit()
			s.start("job-001:0", "job-002")
			contended := map[string]string{"job-001:0": "job-001", "job-002": "job-002"}[id]
			var pauses []int
			s.Pause = func(_ context.Context, n int) { pauses = append(pauses, n) }
			const losses = 3
			looks := 0
			r := s.Apply(s.ctx, []lifecycle.Update{{ID: id, Change: func(j batch.Job) (batch.Job, []store.Op, error) {
				if looks++; looks <= losses {
					s.must(s.Records.Write(s.ctx, s.Records.PutJob(s.job(contended)))) // another is quicker
				}
				j, err := j.Transition(batch.Succeeded, "", batch.MillisOf(s.now))
				return j, nil, err
			}}})[0]
			if r.Err != nil || s.job(id).Status != batch.Succeeded {
				t.Errorf("%s is %s: %v", id, s.job(id).Status, r.Err)
			}
			if want := []int{1, 2, 3}; !slices.Equal(pauses, want) {
				t.Errorf("pauses %v, want %v", pauses, want)
			}
		})
	}
}
