package engine

import (
	"cmp"
	"context"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/store"
)

// runs is what the engine has learned of how long jobs run: for each queue and
// definition the mean and the spread, the older attempts decayed. Hosts are chosen by it:
// those that share one should end together.
type runs struct {
	known map[string]map[string]store.Runs // by queue and definition
	all   store.Runs                       // over all of them
	// fresh is what is not written yet.
	fresh map[runsKey]store.Runs
	saved time.Time
	// kinds are the definitions of jobs that were asked for, and learned counts what changes
	// what is expected of them.
	kinds   map[runsKey]*kind
	learned uint64
}

type runsKey struct{ queue, definition string }

// kind is the jobs of a queue and a definition.
type kind struct {
	runsKey
	time batch.RunTime // as of learned
	asOf uint64
}

// maxKinds bounds the kinds that are remembered; beyond it they are gathered anew.
const maxKinds = 10_000

const (
	// maxRuns bounds the definitions of a queue of which run times are remembered.
	maxRuns = 500
	// maxRunsCount is after how many attempts the older ones count half.
	maxRunsCount = 256
	// saveRunsEvery bounds how often run times are written.
	saveRunsEvery = time.Minute
	// guess is the mean of a definition of which nothing is known, as long as nothing is of
	// any other; guessWeight is how many attempts the mean of all others counts.
	guess       = 30 * time.Minute
	guessWeight = 2
	// guessSpread is the spread while there are fewer than enoughForSpread attempts.
	guessSpread     = 1.4
	enoughForSpread = 8
	// Where each piece of news is a call of a function of its own, attempts of a definition
	// of which fewEnough are known are all written down, of others one in someRuns.
	fewEnough = 16
	someRuns  = 8
)

// definitionName is a definition without its revision: a new one mostly runs as long.
func definitionName(definition string) string {
	name, _, _ := strings.Cut(definition, ":")
	return name
}

// learn notes an attempt that ended by itself.
func (e *Engine) learn(j batch.Job, status compute.TaskStatus) {
	if status.StopCode != compute.StopEssentialExited || j.Stop != nil {
		return
	}
	started := status.StartedAt
	if started.IsZero() {
		started = j.StartedAt.Time()
	}
	stopped := millisOr(status.StoppedAt, e.Now()).Time()
	ran := stopped.Sub(started).Seconds()
	if j.StartedAt == 0 && status.StartedAt.IsZero() || ran < 0 {
		return
	}
	key := runsKey{j.Queue, definitionName(j.Definition)}
	e.runs.fresh[key] = with(e.runs.fresh[key], ran)
	if known, ok := e.runs.known[key.queue]; ok {
		if _, ok := known[key.definition]; ok || len(known) < maxRuns {
			known[key.definition] = with(known[key.definition], ran)
		}
		e.runs.all = with(e.runs.all, ran)
		e.runs.learned++
	}
}

// with adds an attempt.
func with(r store.Runs, seconds float64) store.Runs {
	if r.Count >= maxRunsCount {
		r.Count, r.Seconds, r.Squares = r.Count/2, r.Seconds/2, r.Squares/2
	}
	r.Count++
	r.Seconds += seconds
	r.Squares += seconds * seconds
	return r
}

// loadRuns reads the run times of the queues that are new to this engine.
func (e *Engine) loadRuns(ctx context.Context, queues []store.Queue) error {
	for _, q := range queues {
		if _, ok := e.runs.known[q.Name()]; ok {
			continue
		}
		found, err := e.Records.AllRuns(ctx, q.Name(), maxRuns)
		if err != nil {
			return err
		}
		known := make(map[string]store.Runs, len(found))
		for _, r := range found {
			known[r.Definition] = r
			e.runs.all.Count += r.Count
			e.runs.all.Seconds += r.Seconds
			e.runs.all.Squares += r.Squares
		}
		e.runs.known[q.Name()] = known
		e.runs.learned++
	}
	return nil
}

// saveRuns writes what was learned, now and then. What cannot be written is kept for the
// next time.
func (e *Engine) saveRuns(ctx context.Context, now time.Time) {
	if len(e.runs.fresh) == 0 || now.Sub(e.runs.saved) < saveRunsEvery {
		return
	}
	e.runs.saved = now
	for _, key := range e.runs.unsaved() {
		if e.saveRun(ctx, key, e.runs.fresh[key], now) == nil {
			delete(e.runs.fresh, key)
		}
	}
}

// unsaved lists what is not written yet, always in the same order.
func (r *runs) unsaved() []runsKey {
	return slices.SortedFunc(maps.Keys(r.fresh), func(a, b runsKey) int {
		return cmp.Or(strings.Compare(a.queue, b.queue), strings.Compare(a.definition, b.definition))
	})
}

func (e *Engine) saveRun(ctx context.Context, key runsKey, fresh store.Runs, now time.Time) error {
	known, err := e.Records.Runs(ctx, key.queue, key.definition)
	if err != nil {
		return err
	}
	for known.Count+fresh.Count > maxRunsCount && known.Count > 1 {
		known.Count, known.Seconds, known.Squares = known.Count/2, known.Seconds/2, known.Squares/2
	}
	known.Count += fresh.Count
	known.Seconds += fresh.Seconds
	known.Squares += fresh.Squares
	known.AsOf = batch.MillisOf(now)
	return e.Records.Write(ctx, e.Records.PutRuns(known))
}

// saveSomeRuns writes what a function heard that lives for a moment: all of it while
// little is known, then a sample, so that an end of a job seldom costs a write more.
func (e *Engine) saveSomeRuns(ctx context.Context, now time.Time) {
	for _, key := range e.runs.unsaved() {
		fresh := e.runs.fresh[key]
		known, err := e.Records.Runs(ctx, key.queue, key.definition)
		h := fnv.New32a()
		h.Write([]byte(key.definition + now.String()))
		if err == nil && (known.Count < fewEnough || h.Sum32()%someRuns == 0) {
			err = e.saveRun(ctx, key, fresh, now)
		}
		if err != nil {
			e.Log.Debug("run times were not written", "definition", key.definition, "error", err)
		}
	}
	clear(e.runs.fresh)
}

// kind returns the kind of jobs of a queue and a definition.
func (r *runs) kind(queue, definition string) *kind {
	key := runsKey{queue, definition}
	k, ok := r.kinds[key]
	if !ok {
		if r.kinds == nil || len(r.kinds) >= maxKinds {
			r.kinds = map[runsKey]*kind{}
		}
		k = &kind{runsKey: key}
		r.kinds[key] = k
	}
	return k
}

// runTime is how long a job of a kind is expected to run; zero while nothing is known of
// any.
func (r *runs) runTime(k *kind) batch.RunTime {
	if r.all.Count == 0 {
		return batch.RunTime{}
	}
	if k.asOf != r.learned {
		k.time, k.asOf = r.timeOf(k.queue, definitionName(k.definition)), r.learned
	}
	return k.time
}

func (r *runs) timeOf(queue, definition string) batch.RunTime {
	all := r.all
	of := r.known[queue][definition]
	usual := (all.Seconds + guess.Seconds()) / (all.Count + 1)
	mean := (of.Seconds + guessWeight*usual) / (of.Count + guessWeight)
	if of.Count < enoughForSpread {
		of = all
	}
	spread := guessSpread
	if of.Count >= enoughForSpread && of.Seconds > 0 {
		m := of.Seconds / of.Count
		spread = math.Sqrt(max(0, of.Squares/of.Count/m/m-1))
	}
	return batch.RunTime{Mean: max(time.Second, time.Duration(mean*float64(time.Second))), Spread: spread}
}
