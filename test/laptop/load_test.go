//go:build unix

package laptop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// wanted is what must become of a submission that was acknowledged.
type wanted struct {
	kind string
	id   string
	size int // of the array; 0 is a plain job

	exits []int32 // of the attempts of a plain job, or of the child that index names
	index int     // of the child that exits so; others end well at once
	lines int     // printed by each attempt

	after      []string // jobs that must have ended before any attempt starts
	sequential bool     // children start one after the other
	nToN       string   // the array whose children it waits for, index by index

	never      string // the job never starts, for this statusReason
	terminated string // the reason that TerminateJob was given
}

// load submits jobs of all kinds, all the time, until it is told to end.
type load struct {
	*shop
	client *batch.Client
	queues []string
	slow   time.Duration // the longest that an attempt takes
	crowd  int           // jobs that may be under way at once

	mu     sync.Mutex
	orders []*wanted
	alive  map[string]types.JobDetail // as last seen
	ended  map[string]types.JobDetail // as first seen at their end
	faults []string
}

// submitters is how many clients submit at once.
const submitters = 3

// drive keeps submitting until stop is closed, then lets what is under way be
// acknowledged.
func (l *load) drive(stop <-chan struct{}) {
	l.alive, l.ended, l.client = map[string]types.JobDetail{}, map[string]types.JobDetail{}, l.batch()
	var clients sync.WaitGroup
	for n := range submitters {
		draw := chance(l.T, fmt.Sprint("submitter ", n))
		clients.Go(func() {
			kinds := l.kinds()
			for round := n; !isClosed(stop); round++ {
				if l.crowded() {
					time.Sleep(2 * pause)
					continue
				}
				if err := kinds[round%len(kinds)](draw); err != nil {
					l.fault("a submission was refused: %v", err)
					return
				}
			}
		})
	}
	watched := make(chan struct{})
	over := make(chan struct{})
	go func() {
		defer close(watched)
		for !isClosed(over) {
			l.watch()
			time.Sleep(10 * pause)
		}
	}()
	clients.Wait()
	close(over)
	<-watched
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (l *load) fault(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

func (l *load) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.alive) >= l.crowd
}

// send submits an order to one of the queues, and notes that it was acknowledged.
func (l *load) send(w wanted, draw *rand.Rand, order *batch.SubmitJobInput) (string, error) {
	if l.queues[draw.IntN(len(l.queues))] == small {
		order.JobQueue, order.JobDefinition = aws.String(small), aws.String(small)
	}
	out, err := l.client.SubmitJob(l.Context(), order)
	if err != nil {
		return "", fmt.Errorf("%s: %w", w.kind, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w.id = *out.JobId
	l.orders = append(l.orders, &w)
	l.alive[w.id] = types.JobDetail{}
	return w.id, nil
}

// kinds are the kinds of submissions, each a function that makes one.
func (l *load) kinds() []func(*rand.Rand) error {
	return []func(*rand.Rand) error{l.plain, l.retried, l.array, l.plain, l.chain, l.brokenChain, l.terminated, l.sequence, l.pairs}
}

// args are those of a worker that prints some lines and takes some time; every other
// one takes none.
func (l *load) args(draw *rand.Rand, more ...string) (lines int, args []string) {
	lines = draw.IntN(30)
	last := time.Duration(draw.Int64N(int64(l.slow))) * time.Duration(draw.IntN(2))
	return lines, append([]string{"-lines", fmt.Sprint(lines), "-last", last.String()}, more...)
}

// plain is a job of one attempt; some fail.
func (l *load) plain(draw *rand.Rand) error {
	exit := int32(0)
	if draw.IntN(3) == 0 {
		exit = 1 + draw.Int32N(80)
	}
	lines, args := l.args(draw, "-exits", fmt.Sprint(exit))
	_, err := l.send(wanted{kind: "plain", exits: []int32{exit}, lines: lines}, draw, l.order("plain", args...))
	return err
}

// retried is a job whose first attempts fail. Another exit code than the one that is
// retried ends it early.
func (l *load) retried(draw *rand.Rand) error {
	exits := [][]int32{{3, 0}, {3, 3, 0}, {3, 3, 3}, {3, 9}}[draw.IntN(4)]
	lines, args := l.args(draw, "-exits", strings.Trim(strings.ReplaceAll(fmt.Sprint(exits), " ", ","), "[]"))
	order := l.order("retried", args...)
	order.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(3), EvaluateOnExit: []types.EvaluateOnExit{
		{OnExitCode: aws.String("3"), Action: types.RetryActionRetry},
		{OnReason: aws.String("*"), Action: types.RetryActionExit},
	}}
	_, err := l.send(wanted{kind: "retried", exits: exits, lines: lines}, draw, order)
	return err
}

// array is an array one of whose children may fail, or be retried.
func (l *load) array(draw *rand.Rand) error {
	size := 2 + draw.IntN(5)
	w := wanted{kind: "array", size: size, index: draw.IntN(size), exits: [][]int32{{0}, {5, 0}, {5, 5}}[draw.IntN(3)]}
	lines, args := l.args(draw, "-index", fmt.Sprint(w.index), "-exits", strings.Trim(strings.ReplaceAll(fmt.Sprint(w.exits), " ", ","), "[]"))
	w.lines = lines
	order := l.order("array", args...)
	order.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(int32(size))}
	order.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(2)}
	_, err := l.send(w, draw, order)
	return err
}

func dependsOn(ids ...string) []types.JobDependency {
	var all []types.JobDependency
	for _, id := range ids {
		all = append(all, types.JobDependency{JobId: aws.String(id)})
	}
	return all
}

// chain is three jobs one after the other.
func (l *load) chain(draw *rand.Rand) error {
	var before []string
	for range 3 {
		lines, args := l.args(draw)
		order := l.order("chain", args...)
		order.DependsOn = dependsOn(before...)
		id, err := l.send(wanted{kind: "chain", exits: []int32{0}, lines: lines, after: slices.Clone(before)}, draw, order)
		if err != nil {
			return err
		}
		before = append(before, id)
	}
	return nil
}

// brokenChain is a job that fails and two that thereby never start.
func (l *load) brokenChain(draw *rand.Rand) error {
	lines, args := l.args(draw, "-exits", "6")
	before, err := l.send(wanted{kind: "broken", exits: []int32{6}, lines: lines}, draw, l.order("broken", args...))
	for range 2 {
		if err != nil {
			return err
		}
		_, args := l.args(draw)
		order := l.order("never", args...)
		order.DependsOn = dependsOn(before)
		before, err = l.send(wanted{kind: "never", never: "Dependent Job failed: " + before}, draw, order)
	}
	return err
}

// terminated is a job without an end that TerminateJob ends, wherever it is then.
func (l *load) terminated(draw *rand.Rand) error {
	reason := fmt.Sprintf("no longer wanted (%d)", draw.IntN(1000))
	order := l.order("terminated", "-wait", "/never")
	order.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(3)}
	id, err := l.send(wanted{kind: "terminated", terminated: reason}, draw, order)
	if err != nil {
		return err
	}
	l.aWhile(draw)
	_, err = l.client.TerminateJob(l.Context(), &batch.TerminateJobInput{JobId: &id, Reason: &reason})
	return err
}

// aWhile passes as a client takes its time between two calls.
func (l *load) aWhile(draw *rand.Rand) {
	ctx, cancel := context.WithTimeout(l.Context(), time.Duration(draw.Int64N(int64(l.slow))))
	defer cancel()
	<-ctx.Done()
}

// sequence is an array whose children run one after the other.
func (l *load) sequence(draw *rand.Rand) error {
	lines, args := l.args(draw)
	order := l.order("sequence", args...)
	order.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(3)}
	order.DependsOn = []types.JobDependency{{Type: types.ArrayJobDependencySequential}}
	_, err := l.send(wanted{kind: "sequence", size: 3, exits: []int32{0}, lines: lines, sequential: true}, draw, order)
	return err
}

// pairs is two arrays, each child of the second waiting for that of the first.
func (l *load) pairs(draw *rand.Rand) error {
	lines, args := l.args(draw)
	order := l.order("first-of-pairs", args...)
	order.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(3)}
	first, err := l.send(wanted{kind: "pairs", size: 3, exits: []int32{0}, lines: lines}, draw, order)
	if err != nil {
		return err
	}
	order = l.order("second-of-pairs", args...)
	order.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(3)}
	order.DependsOn = []types.JobDependency{{JobId: &first, Type: types.ArrayJobDependencyNToN}}
	_, err = l.send(wanted{kind: "pairs", size: 3, exits: []int32{0}, lines: lines, nToN: first}, draw, order)
	return err
}

// watch looks at all jobs that are under way, and finds those that went back: a
// server that was killed must not forget what it once told.
func (l *load) watch() {
	l.mu.Lock()
	var ids []string
	for id := range l.alive {
		ids = append(ids, id)
	}
	l.mu.Unlock()
	for chunk := range slices.Chunk(ids, 100) {
		out, err := l.client.DescribeJobs(l.Context(), &batch.DescribeJobsInput{Jobs: chunk})
		if err != nil {
			l.fault("DescribeJobs: %v", err)
			return
		}
		if len(out.Jobs) != len(chunk) {
			l.fault("DescribeJobs answers %d of %d jobs that were acknowledged", len(out.Jobs), len(chunk))
		}
		for _, j := range out.Jobs {
			l.see(j)
		}
	}
}

func (l *load) see(j types.JobDetail) {
	l.mu.Lock()
	before := l.alive[*j.JobId]
	if final(j.Status) {
		delete(l.alive, *j.JobId)
		l.ended[*j.JobId] = j
	} else {
		l.alive[*j.JobId] = j
	}
	l.mu.Unlock()
	switch {
	case len(j.Attempts) < len(before.Attempts):
		l.fault("job %s had %d attempts and then %d", *j.JobId, len(before.Attempts), len(j.Attempts))
	case before.Status == types.JobStatusRunning && j.Status == before.Status && len(j.Attempts) == len(before.Attempts) &&
		aws.ToInt64(j.StartedAt) != aws.ToInt64(before.StartedAt):
		l.fault("attempt %d of job %s ran since %d and then since %d", len(j.Attempts)+1, *j.JobId, *before.StartedAt, *j.StartedAt)
	case before.Status == types.JobStatusRunning && len(j.Attempts) == len(before.Attempts) &&
		(j.Status == types.JobStatusRunnable || j.Status == types.JobStatusStarting):
		l.fault("job %s went from RUNNING to %s without another attempt", *j.JobId, j.Status)
	}
}
