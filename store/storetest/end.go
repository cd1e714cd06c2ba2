package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/store"
)

var endTests = []test{
	{"of a context ends each call", func(b *bench) {
		it := b.item("job", "state", "x")
		b.create(it)
		ended, cancel := context.WithCancel(b.ctx)
		cancel()
		late, cancelLate := context.WithDeadline(b.ctx, time.Unix(0, 0))
		defer cancelLate()
		for name, err := range b.eachCall(ended) {
			b.wantError(name+" with a cancelled context", err, context.Canceled)
		}
		for name, err := range b.eachCall(late) {
			b.wantError(name+" after its deadline", err, context.DeadlineExceeded)
		}
		if got := b.get(it.Key); got == nil {
			b.Error("the table does not work any more after calls whose context ended")
		}
	}},
	{"of a context during writes leaves each write whole", func(b *bench) {
		// Each Write makes a pair; whenever the context ends, both are there or none.
		const pairs = 40
		for i := range pairs {
			ctx, cancel := context.WithCancel(b.ctx)
			go func() {
				for range i * 20 {
					if ctx.Err() != nil {
						return
					}
				}
				cancel()
			}()
			left, right := b.item("left", fmt.Sprint(i), "x"), b.item("right", fmt.Sprint(i), "x")
			err := b.table.Write(ctx, store.Put(left, store.IfAbsent()), store.Put(right, store.IfAbsent()))
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				b.Fatalf("Write whose context ends = %v, want success or context.Canceled", err)
			}
			// The write may still be under way, and may be read half before and half
			// after it happens; once it is over it must have been whole.
			var l, r *store.Item
			b.check(true, func() string {
				l, r = b.get(left.Key), b.get(right.Key)
				if (l == nil) != (r == nil) {
					return fmt.Sprintf("pair %d: left is there: %t, right is there: %t", i, l != nil, r != nil)
				}
				return ""
			})
			if err == nil && l == nil {
				b.Errorf("pair %d: Write succeeded, but nothing is stored", i)
			}
		}
	}},
	{"of the table ends each call", func(b *bench) {
		b.create(b.item("job", "state", "x"))
		b.must(b.table.Close())
		for name, err := range b.eachCall(b.ctx) {
			b.wantError(name+" on a closed table", err, store.ErrClosed)
		}
		if err := b.table.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			b.Errorf("second Close = %v, want nothing or ErrClosed", err)
		}
	}},
	{"of the table waits for writes under way", func(b *bench) {
		started := make(chan struct{}, writers)
		b.together(writers+1, func(w int) error {
			if w == writers {
				for range writers {
					<-started
				}
				return b.table.Close()
			}
			for i := range maxAttempts {
				err := b.table.Write(b.ctx, store.Put(b.item("job", fmt.Sprint(w, "-", i), "x"), store.IfAbsent()))
				if i == 0 {
					started <- struct{}{}
				}
				if errors.Is(err, store.ErrClosed) {
					return nil
				} else if err != nil {
					return err
				}
			}
			return errors.New("Write still succeeds after Close")
		})
	}},
}

// eachCall makes every call of a Table once and returns their errors by name.
func (b *bench) eachCall(ctx context.Context) map[string]error {
	k := b.key("job", "state")
	errs := map[string]error{}
	_, errs["Get"] = b.table.Get(ctx, k)
	_, errs["BatchGet"] = b.table.BatchGet(ctx, []store.Key{k})
	_, errs["Query"] = b.table.Query(ctx, store.Query{Partition: k.Partition, Limit: 1})
	_, errs["Query of an ordering"] = b.table.Query(ctx, store.Query{Ordering: OrderingOne, Partition: k.Partition, Limit: 1})
	errs["Write"] = b.table.Write(ctx, store.Put(b.item("job", "other", "x"), store.IfAbsent()))
	if p, ok := b.table.(store.Purger); ok {
		_, errs["Purge"] = p.Purge(ctx, longAgo, 1)
	}
	return errs
}
