package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/packhorse-batch/packhorse/store"
)

const writers = 8

// maxAttempts bounds how often a writer tries again, should a table never let it win.
const maxAttempts = 100_000

var concurrencyTests = []test{
	{"lets exactly one write win each version", func(b *bench) {
		const versions = 25
		it := b.item("job", "state", "0")
		b.create(it)
		winners := make([][]int64, writers) // versions that each writer made
		b.together(writers, func(w int) error {
			mine := b.item("job", "state", fmt.Sprint("writer ", w))
			for range maxAttempts {
				got, err := b.table.Get(b.ctx, it.Key)
				if err != nil {
					return err
				}
				if got.Version >= versions {
					return nil
				}
				switch err := b.table.Write(b.ctx, store.Put(mine, store.IfVersion(got.Version))); {
				case err == nil:
					winners[w] = append(winners[w], got.Version+1)
				case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnavailable):
					return err
				}
			}
			return fmt.Errorf("the item is not at version %d after %d attempts", versions, maxAttempts)
		})
		madeBy := map[int64]int{}
		for w, made := range winners {
			for _, v := range made {
				if other, twice := madeBy[v]; twice {
					b.Errorf("version %d was made by writers %d and %d", v, other, w)
				}
				madeBy[v] = w
			}
		}
		final := b.get(it.Key)
		if int64(len(madeBy)) != final.Version-1 {
			b.Errorf("%d writes won, but the version went from 1 to %d", len(madeBy), final.Version)
		}
		if want := fmt.Sprint("writer ", madeBy[final.Version]); string(final.Data) != want {
			b.Errorf("version %d holds %q, want that of its winner, %q", final.Version, final.Data, want)
		}
	}},
	{"lets exactly one write create an item", func(b *bench) {
		for round := range 10 {
			won := make([]bool, writers)
			b.together(writers, func(w int) error {
				err := b.table.Write(b.ctx, store.Put(b.item("job", fmt.Sprint(round), fmt.Sprint(w)), store.IfAbsent()))
				won[w] = err == nil
				if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrUnavailable) {
					return nil
				}
				return err
			})
			winner, n := -1, 0
			for w := range won {
				if won[w] {
					winner, n = w, n+1
				}
			}
			if n != 1 {
				b.Fatalf("round %d: %d writers created the item, want 1", round, n)
			}
			b.wantStored(b.item("job", fmt.Sprint(round), fmt.Sprint(winner)), 1)
		}
	}},
	{"keeps writes of several items whole", func(b *bench) {
		// A transfer moves one unit between two accounts; none may get lost.
		const accounts, start, transfers = 4, 1000, 15
		account := func(i, units int) store.Item { return b.item("account", fmt.Sprint(i), fmt.Sprint(units)) }
		for i := range accounts {
			b.create(account(i, start))
		}
		read := func(i int) (units int, version int64, err error) {
			it, err := b.table.Get(b.ctx, account(i, 0).Key)
			if err == nil {
				_, err = fmt.Sscan(string(it.Data), &units)
			}
			return units, it.Version, err
		}
		b.together(writers, func(w int) error {
			for n, attempts := 0, 0; n < transfers; attempts++ {
				if attempts == maxAttempts {
					return fmt.Errorf("%d of %d transfers after %d attempts", n, transfers, attempts)
				}
				from, to := (w+n)%accounts, (w+n+1+w%3)%accounts
				if from == to {
					to = (to + 1) % accounts
				}
				uf, vf, err := read(from)
				if err != nil {
					return err
				}
				ut, vt, err := read(to)
				if err != nil {
					return err
				}
				err = b.table.Write(b.ctx,
					store.Put(account(from, uf-1), store.IfVersion(vf)), store.Put(account(to, ut+1), store.IfVersion(vt)))
				switch {
				case err == nil:
					n++
				case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnavailable):
					return err
				}
			}
			return nil
		})
		sum, writes := 0, int64(0)
		for i := range accounts {
			units, version, err := read(i)
			b.must(err)
			sum, writes = sum+units, writes+version-1
		}
		if sum != accounts*start || writes != 2*writers*transfers {
			b.Errorf("after %d transfers: %d units and %d account writes, want %d and %d",
				writers*transfers, sum, writes, accounts*start, 2*writers*transfers)
		}
	}},
	{"lets reads go on beside writes", func(b *bench) {
		it := b.placed("a", "v", "queue", "1")
		b.create(it)
		ctx, stop := context.WithCancel(b.ctx)
		defer stop()
		b.together(writers, func(w int) error {
			if w == 0 { // the one that writes
				defer stop()
				for v := int64(1); v < 100; v++ {
					if err := b.table.Write(b.ctx, store.Put(it, store.IfVersion(v))); err != nil {
						return err
					}
				}
				return nil
			}
			var last int64
			for ctx.Err() == nil {
				got, err := b.table.Get(b.ctx, it.Key)
				if err != nil {
					return err
				}
				if got.Version < last {
					return fmt.Errorf("Get gave version %d after %d", got.Version, last)
				}
				last = got.Version
				if _, err := b.table.Query(b.ctx, store.Query{Ordering: OrderingOne, Partition: b.part("queue"), Limit: 1}); err != nil {
					return err
				}
			}
			return nil
		})
	}},
}

// together runs n goroutines at once and fails with the errors they return.
func (b *bench) together(n int, run func(i int) error) {
	b.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	gate := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-gate
			errs[i] = run(i)
		})
	}
	close(gate)
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			b.Fatalf("goroutine %d of %d: %v", i, n, err)
		}
	}
}
