package play

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/internal/demo"
)

// ErrGone is returned where a server does not know the jobs of a run any more.
var ErrGone = errors.New("the demo's jobs are gone")

// state is what the server says of a run at one moment.
type state struct {
	count, merge, flaky types.JobDetail
	children            []types.JobDetail // of count, by index
}

// look asks for all jobs of a run at once: they are fewer than one call takes.
func (p *Player) look(ctx context.Context, run Run) (state, error) {
	ids := []string{run.Count, run.Merge, run.Flaky}
	for i := range demo.Shards {
		ids = append(ids, childID(run.Count, i))
	}
	out, err := p.Batch.DescribeJobs(ctx, &batch.DescribeJobsInput{Jobs: ids})
	if err != nil {
		return state{}, err
	}
	found := make(map[string]types.JobDetail, len(out.Jobs))
	for _, j := range out.Jobs {
		found[aws.ToString(j.JobId)] = j
	}
	for _, id := range ids {
		if _, ok := found[id]; !ok {
			return state{}, fmt.Errorf("%w: there is no job %s", ErrGone, id)
		}
	}
	s := state{count: found[run.Count], merge: found[run.Merge], flaky: found[run.Flaky]}
	for i := range demo.Shards {
		s.children = append(s.children, found[childID(run.Count, i)])
	}
	return s, nil
}

func childID(array string, index int) string { return array + ":" + strconv.Itoa(index) }

// jobs are the three that were submitted.
func (s state) jobs() []types.JobDetail { return []types.JobDetail{s.count, s.merge, s.flaky} }

func ended(j types.JobDetail) bool {
	return j.Status == types.JobStatusSucceeded || j.Status == types.JobStatusFailed
}

func (s state) over() bool {
	for _, j := range s.jobs() {
		if !ended(j) {
			return false
		}
	}
	return true
}

// lookEvery is the time between two looks at the server.
const lookEvery = 200 * time.Millisecond

// A server that is started again answers after a while: so many looks may fail in a
// row, this far apart.
const (
	maxLost  = 30
	lostWait = time.Second
)

// follow looks at a run until it is over, and hands each state to show.
func (p *Player) follow(ctx context.Context, run Run, show func(state)) (state, error) {
	for lost := 0; ; {
		wait := lookEvery
		s, err := p.look(ctx, run)
		switch {
		case err == nil:
			lost = 0
			show(s)
			if s.over() {
				return s, nil
			}
		case errors.Is(err, ErrGone), ctx.Err() != nil, lost == maxLost:
			return s, err
		default:
			lost++
			wait = lostWait
		}
		if err := p.Pause(ctx, wait); err != nil {
			return s, err
		}
	}
}
