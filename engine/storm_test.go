package engine_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// A storm is a random workload on virtual time over imitated compute while things go
// wrong: the store and compute fail calls before or after they took effect, news is
// lost, doubled or late, orderings lag, Spot hosts are reclaimed, hosts never join,
// and Packhorse itself crashes between any two calls and starts again. Then the
// weather calms, and everything must have come out right (see storm_check_test.go).
//
// A storm is made from its seed alone, and the same each time.
var (
	stormSeeds = flag.Int("seeds", 150, "how many storms TestStorms weathers")
	stormFirst = flag.Uint64("first-seed", 1, "the seed of the first storm of TestStorms")
)

func TestStorms(t *testing.T) {
	if testing.Short() {
		*stormSeeds = min(*stormSeeds, 20)
	}
	for i := range *stormSeeds {
		seed := *stormFirst + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			newStorm(t, seed, serial).weather()
		})
	}
}

// Storms that found mistakes once (what each found stands in the history of this line).
// The tests in faults_test.go say the same in fewer words; these stay because a
// mistake of one kind is seldom alone.
func TestStormsThatFoundMistakes(t *testing.T) {
	for _, seed := range []uint64{1144, 1605, 2020, 2152, 2273, 2468, 3088, 3355, 3922} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { newStorm(t, seed, serial).weather() })
	}
}

// Tasks are handed to compute beside the passes, and writes are made at once, as they
// are outside of simulations. What happens is not the same each time then; the promises
// are. Such a storm is in a bubble of testing/synctest: its time stands still until each
// call is through or is held up on purpose, or hours would go by while a goroutine waits
// for a processor.
func TestStormsWithCallsAtOnce(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newStorm(t, seed, atOnce).weather() })
		})
	}
}

func TestAStormIsTheSameEachTime(t *testing.T) {
	for _, seed := range []uint64{3, 8, 2152} {
		one, two := newStorm(t, seed, serial), newStorm(t, seed, serial)
		one.weather()
		two.weather()
		if a, b := one.history(), two.history(); a != b {
			t.Errorf("storm %d ended as %s, and then as %s", seed, a, b)
		}
	}
}

// history is a fingerprint of all that happened.
func (s *storm) history() string {
	return fmt.Sprintf("%s after %d turns and %d ids: %+v", s.now, s.turns, s.made, s.sim.Ledger())
}

// manner is how Packhorse makes its calls, and to what.
type manner struct {
	serial bool // one after the other; otherwise as it does outside of simulations
	ecs    bool // to compute like ECS, whose lists lag
}

var serial, atOnce = manner{serial: true}, manner{}

// stream returns the random numbers of one purpose, so that one more draw for it
// leaves the rest of a storm as it was.
func stream(seed uint64, purpose string) *rand.Rand {
	return rand.New(rand.NewPCG(seed, hashOf(purpose)))
}

func hashOf(parts ...any) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintln(h, parts...)
	return h.Sum64()
}

// storm is one run.
type storm struct {
	t    *testing.T
	seed uint64
	manner
	// settings is what is in store for this seed, for the message of a failure.
	settings string

	now   time.Time
	sim   *sim.Backend
	cloud *ecsLike       // over sim; nil where compute is not like ECS
	apart bool           // sweeps are made by another process each time
	table store.Table    // as Packhorse sees it: its orderings may lag
	truth *store.Records // what is really stored
	*process
	detach  func()
	mu      sync.Mutex // of what is looked at or changed beside the test: now, faults, process, made
	moved   *sync.Cond // on mu: time has moved, or a process has died
	faults  faults
	sweepAt time.Time
	due     time.Time // when the engine wants to be called
	made    int       // ids given out
	called  int       // calls of clients
	turns   int

	work      *rand.Rand
	luck      *rand.Rand // of the time when Packhorse is down
	jobs      []*submitted
	stops     []stopAsked
	maxVCPU   map[string]int64 // of each environment, in thousandths
	ended     map[string]batch.Status
	deletes   bool   // a queue is deleted in the end
	scattered bool   // the table counts as DynamoDB
	alone     bool   // Packhorse counts as one program, which keeps in memory what it wrote
	deleted   string // the queue that was
}

// faults is how bad it is.
type faults struct {
	rng *rand.Rand
	// calls is how many calls of store and compute fail, 0 to 1.
	calls float64
	// crashEvery is how many calls Packhorse lives through in the mean; 0 is for ever.
	crashEvery int
	// slow is how many of the calls beside the passes arrive late, 0 to 1.
	slow float64
	// taken is how many calls that start a task on a host lose their answer and their host:
	// it is taken back, at once or after the notice; 0 to 1.
	taken float64
}

var stormBegin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func newStorm(t *testing.T, seed uint64, manner manner) *storm {
	s := &storm{
		t: t, seed: seed, manner: manner, now: stormBegin, sweepAt: stormBegin.Add(time.Minute),
		work: stream(seed, "work"), luck: stream(seed, "luck"), maxVCPU: map[string]int64{}, ended: map[string]batch.Status{},
	}
	s.moved = sync.NewCond(&s.mu)
	r := stream(seed, "settings")
	lags := r.IntN(2) == 0
	s.faults = faults{
		rng:   stream(seed, "faults"),
		calls: pick(r, 0, 0.01, 0.1), crashEvery: pick(r, 0, 2000, 400, 50),
	}
	if !manner.serial {
		s.faults.slow = 0.2
	}
	news := pick(r, 0, 0.05, 0.3)
	boot := pick(r, nil, sim.Skewed(time.Minute, 3*time.Minute))
	interruptions := pick(r, 0, 2, 12.0)
	notice := pick(r, 0, 2*time.Minute)
	neverJoins := pick(r, 0, 0, 0.1)
	scarce := r.IntN(4) == 0
	machine := r.IntN(4) == 0
	s.deletes = !lags && r.IntN(3) == 0
	s.scattered = seed%3 == 0
	s.alone = !lags && !s.scattered
	s.settings = fmt.Sprintf("seed %d: lagging %v, scattered %v, alone %v, call faults %v, a crash each %d calls, news faults %v, %v interruptions/h, never joins %v, scarce %v, machine %v, deletes %v",
		seed, lags, s.scattered, s.alone, s.faults.calls, s.faults.crashEvery, news, interruptions, neverJoins, scarce, machine, s.deletes)

	types := catalog.Default()
	cfg := sim.Config{
		Now: s.clock, Seed: seed,
		Types: func(name string) (batch.Resources, bool) {
			kind, ok := types.Lookup(name)
			return batch.Resources{MilliVCPU: int64(kind.VCPUs) * 1000, MemoryMiB: int64(kind.ECSMemoryMiB)}, ok
		},
		BootTime: boot, PullAndStart: sim.Uniform(0, 20*time.Second), StopTime: sim.Uniform(0, 30*time.Second),
		RunTime: s.runTime, Outcome: s.outcome,
		InterruptionsPerHour: interruptions, InterruptionNotice: notice,
		Faults: sim.Faults{NewsLost: news, NewsDoubled: news, NewsLate: news, NeverJoins: neverJoins},
	}
	if scarce {
		cfg.Capacity = func(pool sim.Pool, now time.Time) int {
			// By pool and quarter of an hour: some, a few, none.
			return int(hashOf(seed, pool, now.Unix()/900)%4)*3 - 1
		}
	}
	if machine {
		cfg.Machine = &compute.Machine{Room: batch.Resources{MilliVCPU: 6000, MemoryMiB: 20_000}, Why: "this machine"}
	}
	s.sim = sim.New(cfg)
	if manner.ecs {
		s.overECS()
	}
	base := mem.Open()
	s.truth = store.New(base, store.Options{TaskLookup: true})
	if s.table = base; lags {
		s.table = storetest.Lagging(base, seed)
	}
	fair := s.faults
	s.faults.calls, s.faults.crashEvery, s.faults.slow, s.faults.taken = 0, 0, 0, 0 // the scene is set in good weather
	s.start()
	s.setScene()
	s.faults = fair
	s.restart()
	return s
}

// runTime is how long a task runs: seconds or minutes, by its job.
func (s *storm) runTime(task compute.Task) time.Duration {
	if task.Containers[0].Command[0] == "forever" {
		return sim.UntilStopped
	}
	h := hashOf(s.seed, "run time", task.JobID, task.Attempt)
	if h%3 == 0 {
		return time.Duration(h/3%10) * time.Minute
	}
	return time.Duration(h/3%60_000) * time.Millisecond
}

// outcome is how a task ends by itself.
func (s *storm) outcome(task compute.Task) sim.Outcome { return s.plannedEnd(task.JobID, task.Attempt) }

func (s *storm) plannedEnd(jobID string, attempt int) sim.Outcome {
	switch h := hashOf(s.seed, "outcome", jobID, attempt); h % 16 {
	case 0, 1:
		return sim.Outcome{Exit: 1}
	case 2:
		return sim.Outcome{Exit: 137, Reason: "OutOfMemoryError: Container killed due to memory usage"}
	case 3:
		return sim.Outcome{NeverStarts: true, Reason: "CannotPullContainerError: not found"}
	}
	return sim.Outcome{}
}

// weather lets the storm blow, then calms it, and holds what is left to the promises.
func (s *storm) weather() {
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("%s; at %s, after %d turns", s.settings, s.now.Format(time.TimeOnly), s.turns)
		}
	})
	for range 10 + s.work.IntN(40) {
		s.advance(time.Duration(s.work.ExpFloat64() * float64(time.Minute)))
		s.something()
	}
	if s.deletes {
		s.deleteQueue("serverless")
	}
	s.advance(10 * time.Minute)
	s.calm()
	for range calmQuarters {
		if s.allEnded() {
			break
		}
		s.mend()
		s.advance(15 * time.Minute)
	}
	s.checkJobs()
	s.advance(idleWindow + time.Hour) // and whatever boots without need comes and goes
	s.quiet()
	s.checkFleet()
	s.checkPurge()
}

// calmQuarters is how many quarters of an hour the jobs that are left may take when all is
// calm: two days. An array of a hundred large children takes half a day where only one
// fits at a time.
const calmQuarters = 2 * 24 * 4

// calm ends all faults but those of the news.
func (s *storm) calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.calls, s.faults.crashEvery, s.crashIn, s.faults.slow, s.faults.taken = 0, 0, 0, 0, 0
}

// advance lets time pass: all that happens by then, in order.
func (s *storm) advance(d time.Duration) {
	s.t.Helper()
	end := s.now.Add(d)
	const most = 100_000
	for range most {
		next := s.sweepAt
		if !s.due.IsZero() && s.due.Before(next) {
			next = s.due
		}
		if at, ok := s.sim.NextEvent(); ok && at.Before(next) {
			next = at
		}
		if next.After(end) {
			s.moveTo(end)
			return
		}
		s.moveTo(next)
		if !s.now.Before(s.sweepAt) {
			s.sweepAt = s.now.Add(time.Minute)
			s.doing(s.sweep)
		}
		s.turn()
		if s.t.Failed() {
			s.t.FailNow()
		}
	}
	s.t.Fatalf("time did not reach %v: something is due again and again", end)
}

func (s *storm) moveTo(at time.Time) {
	s.letCalls()
	s.mu.Lock()
	if at.After(s.now) {
		s.now = at
	}
	s.mu.Unlock()
	s.moved.Broadcast()
	s.sim.Advance(s.now)
}

// clock tells the time to those who call beside the test.
func (s *storm) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// turn lets the engine look, as it does whenever something happened.
func (s *storm) turn() {
	s.turns++
	s.doing(func() { s.due = s.Engine.Turn(s.t.Context()) })
	if !s.serial {
		s.letCalls()
		s.doing(func() { s.due = s.Engine.TurnOnNews(s.t.Context()) }) // of what was not taken
	}
	s.checkNow()
}

// letCalls waits until each call beside the test is through or held.
func (s *storm) letCalls() {
	if !s.serial {
		synctest.Wait()
	}
}

const idleWindow = 5 * time.Minute

// process is one life of Packhorse, from its start to its crash.
type process struct {
	*home.Home
	dead    bool
	crashIn int // calls until it crashes; 0 is never
}
