package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// sameFront compares the front of a queue as Records that are alone know it with what is
// stored, as others read it.
func sameFront(t interface {
	Helper()
	Fatalf(string, ...any)
}, b *bench, share string, limit int) {
	t.Helper()
	known, err := b.Front(b.ctx, "q", share, limit)
	if err != nil {
		t.Fatalf("Front: %v", err)
	}
	stored, err := store.New(b.Table(), store.Options{}).Front(b.ctx, "q", share, limit)
	if err != nil {
		t.Fatalf("Front, read: %v", err)
	}
	if diff := gocmp.Diff(stored, known); diff != "" {
		t.Fatalf("the first %d of share %q are not what is stored (-stored +known):\n%s", limit, share, diff)
	}
}

func alone(t *testing.T, table store.Table) *bench {
	return &bench{t, store.New(table, store.Options{Alone: true}), t.Context()}
}

// Whatever is written, who is alone knows who stands at the front, however many are asked for.
func TestWhoIsAloneKnowsTheFront(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := alone(t, mem.Open())
		jobs := map[string]batch.Job{}
		put := func(id string, created int, status batch.Status) {
			j, there := jobs[id]
			if !there {
				j = runnable(id, batch.Millis(created))
			}
			in(status)(&j)
			j.Share = rapid.SampledFrom([]string{"", "red"}).Draw(r, "share")
			j.Retried = rapid.Bool().Draw(r, "retried")
			b.write(b.PutJob(j))
			j.Version++
			jobs[id] = j
		}
		made := 0
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{"job", "many", "look", "conflict", "purge"}).Draw(r, "what") {
			case "job":
				put(fmt.Sprint("j", rapid.IntRange(0, 20).Draw(r, "job")), rapid.IntRange(1, 9).Draw(r, "created"), rapid.SampledFrom(batch.Statuses()).Draw(r, "status"))
			case "many": // more than are read beyond what is asked for
				created := rapid.IntRange(1, 9).Draw(r, "created")
				for range 120 {
					made++
					b.write(b.PutJob(runnable(fmt.Sprint("m", made), batch.Millis(created+made%3))))
				}
			case "conflict":
				stale := runnable("j0", 1)
				stale.Version = 1000
				if err := b.Write(b.ctx, b.PutJob(stale)); !store.IsConflict(err) {
					r.Fatalf("a stale write = %v, want a conflict", err)
				}
			case "purge":
				_, err := b.PurgeJobs(b.ctx, "q", batch.Millis(100).Time().Add(store.Retention), 3)
				b.must(err)
				for id := range jobs {
					if _, err := b.Job(b.ctx, id); store.IsNotFound(err) {
						delete(jobs, id)
					}
				}
			case "look":
				sameFront(r, b, rapid.SampledFrom([]string{"", "red"}).Draw(r, "of"), rapid.IntRange(1, 300).Draw(r, "limit"))
			}
		}
		for _, share := range []string{"", "red"} {
			sameFront(r, b, share, 300)
		}
	})
}

// Those who come to the front of a long queue push others out of what is known, and they
// are found again when their turn comes.
func TestALongQueueIsKnownByItsFront(t *testing.T) {
	b := alone(t, mem.Open())
	const many = 5000
	for i := range many {
		b.write(b.PutJob(runnable(fmt.Sprintf("j%04d", i), batch.Millis(many-i)))) // each before all others
		if i%1000 == 0 {
			sameFront(t, b, "", 20)
		}
	}
	for _, limit := range []int{20, 1000, many + 1} {
		sameFront(t, b, "", limit)
	}
	for i := many - 1; i >= 0; i-- { // and they start
		j := runnable(fmt.Sprintf("j%04d", i), batch.Millis(many-i), in(batch.Starting))
		j.Version = 1
		b.write(b.PutJob(j))
		if i%50 == 0 {
			sameFront(t, b, "", 20)
		}
	}
}

// Many may write at once and it may be known late what is stored: in the end the front is
// what is stored.
func TestTheFrontAfterManyWriters(t *testing.T) {
	const writers, each = 8, 300
	table := mem.Open()
	b := alone(t, dawdling{table})
	var group errgroup.Group
	for w := range writers {
		draw := rand.New(rand.NewPCG(uint64(w), 2))
		group.Go(func() error {
			for range each {
				id := fmt.Sprint("j", draw.IntN(10))
				j, err := b.Job(b.ctx, id)
				if store.IsNotFound(err) {
					j = runnable(id, batch.Millis(draw.IntN(5)+1))
				} else if err != nil {
					return err
				}
				in([]batch.Status{batch.Runnable, batch.Starting}[draw.IntN(2)])(&j)
				if err := b.Write(b.ctx, b.PutJob(j)); err != nil && !store.IsConflict(err) {
					return err
				}
				if _, err := b.Front(b.ctx, "q", "", 1+draw.IntN(10)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.must(group.Wait())
	sameFront(t, b, "", 100)
}
