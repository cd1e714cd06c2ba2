package store_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// follows is what somebody knows who only hears of changes.
type follows struct {
	jobs  map[string]batch.Job
	hosts map[string]store.Host
}

func (f *follows) hear(c store.Changes) {
	if c.Anew || f.jobs == nil {
		f.jobs, f.hosts = map[string]batch.Job{}, map[string]store.Host{}
	}
	for _, j := range c.Jobs {
		if f.jobs[j.Job.ID] = j.Job; j.Gone {
			delete(f.jobs, j.Job.ID)
		}
	}
	for _, h := range c.Hosts {
		if f.hosts[h.Host.ID] = h.Host; h.Gone {
			delete(f.hosts, h.Host.ID)
		}
	}
}

// Whatever is written between two looks, who hears of changes knows what is stored: with
// records that are alone, and with others, of which somebody else may write too.
func TestWhoFollowsKnowsWhatIsThere(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprintf("alone %t", alone), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				ctx, table := t.Context(), mem.Open()
				records := store.New(table, store.Options{Alone: alone})
				writers := []*store.Records{records}
				if !alone {
					writers = append(writers, store.New(table, store.Options{}))
				}
				must := func(err error) {
					if err != nil {
						t.Fatal(err)
					}
				}
				follower := records.Follow()
				defer follower.Close()
				var known follows
				queues, envs := []string{"p", "q"}, []string{"ce"}
				jobs, hosts, gone := map[string]batch.Job{}, map[string]store.Host{}, 0
				for range rapid.IntRange(1, 40).Draw(t, "steps") {
					w := rapid.SampledFrom(writers).Draw(t, "writer")
					switch rapid.SampledFrom([]string{"job", "host", "host goes", "look", "conflict"}).Draw(t, "what") {
					case "job":
						id := fmt.Sprint("j", rapid.IntRange(0, 5).Draw(t, "job"))
						if rapid.Bool().Draw(t, "child") {
							id = batch.ChildID("a", rapid.IntRange(0, 3).Draw(t, "index"))
						}
						j, there := jobs[id]
						if !there {
							j = runnable(id, batch.Millis(rapid.IntRange(1, 3).Draw(t, "created")))
							j.Queue = rapid.SampledFrom(queues).Draw(t, "queue")
						}
						in(rapid.SampledFrom(batch.Statuses()).Draw(t, "status"))(&j)
						must(w.Write(ctx, w.PutJob(j)))
						j.Version++
						jobs[id] = j
					case "host":
						id := fmt.Sprint("h", rapid.IntRange(0, 5).Draw(t, "host"), gone)
						h, there := hosts[id]
						if !there {
							h = store.Host{ID: id, Environment: "ce", State: compute.HostBooting}
						}
						h.ReadyAt++
						must(w.Write(ctx, w.PutHost(h)))
						h.Version++
						hosts[id] = h
					case "host goes":
						for id, h := range hosts {
							must(w.Write(ctx, w.MoveGone(h)...))
							delete(hosts, id)
							gone++ // an id is not used again
							break
						}
					case "conflict":
						stale := runnable("j0", 1, in(batch.Running))
						stale.Version = 1000
						if err := w.Write(ctx, w.PutJob(stale)); !store.IsConflict(err) {
							t.Fatalf("a stale write = %v, want a conflict", err)
						}
					case "look":
						changes, err := follower.Changes(ctx, queues, envs)
						must(err)
						known.hear(changes)
					}
				}
				changes, err := follower.Changes(ctx, queues, envs)
				must(err)
				known.hear(changes)
				for _, q := range queues {
					live, err := records.LiveJobs(ctx, q)
					must(err)
					var heard []batch.Job
					for _, j := range known.jobs {
						if j.Queue == q {
							heard = append(heard, j)
						}
					}
					byID := func(a, b batch.Job) int { return cmp.Compare(a.ID, b.ID) }
					slices.SortFunc(live, byID)
					slices.SortFunc(heard, byID)
					if diff := gocmp.Diff(live, heard); diff != "" {
						t.Fatalf("queue %s is not what was heard (-stored +heard):\n%s", q, diff)
					}
				}
				if diff := gocmp.Diff(hosts, known.hosts); diff != "" {
					t.Fatalf("the hosts are not what was heard (-stored +heard):\n%s", diff)
				}
			})
		})
	}
}

// What changed is told once, and nothing of what did not.
func TestChangesAreToldOnce(t *testing.T) {
	for _, alone := range []bool{true, false} {
		b := &bench{t, store.New(mem.Open(), store.Options{Alone: alone}), t.Context()}
		follower := b.Follow()
		look := func() store.Changes {
			t.Helper()
			c, err := follower.Changes(b.ctx, []string{"q"}, []string{"ce"})
			b.must(err)
			return c
		}
		one, two := runnable("one", 1, in(batch.Running)), runnable("two", 2, in(batch.Running))
		b.write(b.PutJob(one))
		if c := look(); !c.Anew || len(c.Jobs) != 1 {
			t.Errorf("alone %t: the first look = %+v, want everything", alone, c)
		}
		b.write(b.PutJob(two))
		if c := look(); c.Anew || len(c.Jobs) != 1 || c.Jobs[0].Job.ID != "two" || c.Jobs[0].Job.Version != 1 {
			t.Errorf("alone %t: the second look = %+v, want what is new", alone, c)
		}
		if c := look(); c.Anew || len(c.Jobs)+len(c.Hosts) > 0 {
			t.Errorf("alone %t: the third look = %+v, want nothing", alone, c)
		}
		one.Version, one.Status = 1, batch.Succeeded
		b.write(b.PutJob(one))
		if c := look(); len(c.Jobs) != 1 || !c.Jobs[0].Gone || c.Jobs[0].Job.ID != "one" {
			t.Errorf("alone %t: after its end = %+v, want that it is gone", alone, c)
		}
	}
}

// dawdling is a table whose writes take a while to return after they are stored, some
// longer than others.
type dawdling struct{ store.Table }

func (d dawdling) Write(ctx context.Context, ops ...store.Op) error {
	err := d.Table.Write(ctx, ops...)
	for range rand.IntN(50) {
		runtime.Gosched()
	}
	return err
}

// Many may write at once, the same records too, and it may be known late what is stored:
// who follows knows in the end what is there, and at no moment what is older than what
// a writer was told is stored.
func TestWhoFollowsManyWriters(t *testing.T) {
	const writers, each = 8, 400
	b := &bench{t, store.New(dawdling{mem.Open()}, store.Options{Alone: true}), t.Context()}
	follower := b.Follow()
	var stored [10]atomic.Int64 // versions of jobs that writers were told of
	var group errgroup.Group
	for w := range writers {
		draw := rand.New(rand.NewPCG(uint64(w), 1))
		group.Go(func() error {
			for range each {
				n := draw.IntN(len(stored))
				id := fmt.Sprint("j", n)
				j, err := b.Job(b.ctx, id)
				if store.IsNotFound(err) {
					j = runnable(id, 1)
				} else if err != nil {
					return err
				}
				statuses := batch.Statuses()
				in(statuses[draw.IntN(len(statuses))])(&j)
				h := store.Host{ID: fmt.Sprint("h", w, draw.Int64()), Environment: "ce", State: compute.HostReady}
				ops := []store.Op{b.PutJob(j), b.PutHost(h)}
				if err := b.Write(b.ctx, ops...); store.IsConflict(err) {
					continue
				} else if err != nil {
					return err
				}
				for was := stored[n].Load(); was <= j.Version && !stored[n].CompareAndSwap(was, j.Version+1); {
					was = stored[n].Load()
				}
				if h.Version = 1; draw.IntN(8) > 0 {
					if err := b.Write(b.ctx, b.MoveGone(h)...); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	done := make(chan error, 1)
	go func() { done <- group.Wait() }()
	var known follows
	look := func() {
		var least [len(stored)]int64
		for n := range stored {
			least[n] = stored[n].Load()
		}
		changes, err := follower.Changes(b.ctx, []string{"q"}, []string{"ce"})
		b.must(err)
		known.hear(changes)
		for n := range stored {
			if j, live := known.jobs[fmt.Sprint("j", n)]; live && j.Version < least[n] {
				t.Errorf("job %d is known at version %d, although %d is stored", n, j.Version, least[n])
			}
		}
	}
	for over := false; !over; {
		select {
		case err := <-done:
			b.must(err)
			over = true
		default:
		}
		look()
	}
	live, err := b.LiveJobs(b.ctx, "q")
	b.must(err)
	want := map[string]batch.Job{}
	for _, j := range live {
		want[j.ID] = j
	}
	if diff := gocmp.Diff(want, known.jobs); diff != "" {
		t.Errorf("the jobs are not what was heard (-stored +heard):\n%s", diff)
	}
	hosts, err := b.Hosts(b.ctx, "ce")
	b.must(err)
	if len(hosts) != len(known.hosts) {
		t.Errorf("%d hosts are stored, %d are known", len(hosts), len(known.hosts))
	}
	for _, h := range hosts {
		if known.hosts[h.ID] != h {
			t.Errorf("host %s is known as %+v, stored is %+v", h.ID, known.hosts[h.ID], h)
		}
	}
}
