package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/packhorse-batch/packhorse/store"
)

// ErrLost is what a call answers that took effect and failed all the same, like a
// connection that breaks before the answer comes. It is none of the errors of
// store, so the caller cannot know what happened and has to look.
var ErrLost = errors.New("the connection broke before the answer came")

// Fault says what happens to a call.
type Fault int

const (
	// None lets the call do its work.
	None Fault = iota
	// Before fails it with store.ErrUnavailable; it has no effect.
	Before
	// After lets it do its work and then answers ErrLost.
	After
)

// Call is a call that a Faulty table is about to make.
type Call struct {
	N      int    // 1 for the first call of any method since the table was wrapped
	Method string // "Get", "BatchGet", "Query" or "Write"
	Ops    []store.Op
}

// Faulty wraps table and fails the calls that choose picks. choose is called
// once before each call, never by two goroutines at once; it must not change Ops.
//
// A test that fails every step once asks for one failing call after the other,
// until a run ends without having got that far:
//
//	for n := 1; ; n++ {
//		table := storetest.Faulty(mem.Open(), storetest.Nth(n, storetest.After))
//		... do the work, again if it fails; look at what is stored ...
//		if table.Calls() < n {
//			break
//		}
//	}
func Faulty(table store.Table, choose func(Call) Fault) *FaultyTable {
	return &FaultyTable{table: table, choose: choose}
}

// Nth picks the n-th call of all and no other.
func Nth(n int, fault Fault) func(Call) Fault {
	return func(c Call) Fault {
		if c.N == n {
			return fault
		}
		return None
	}
}

// NthWrite picks the n-th Write and no other.
func NthWrite(n int, fault Fault) func(Call) Fault {
	writes := 0
	return func(c Call) Fault {
		if c.Method == "Write" {
			if writes++; writes == n {
				return fault
			}
		}
		return None
	}
}

// FaultyTable is a store.Table that fails when told to. Make it with Faulty.
type FaultyTable struct {
	table  store.Table
	mu     sync.Mutex
	choose func(Call) Fault
	calls  int
}

// Calls returns how many calls were made so far, Close not counted.
func (f *FaultyTable) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *FaultyTable) next(method string, ops []store.Op) (Fault, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return f.choose(Call{N: f.calls, Method: method, Ops: ops}), f.calls
}

// through makes a call, or fails it.
func (f *FaultyTable) through(method string, ops []store.Op, call func() error) error {
	fault, n := f.next(method, ops)
	if fault == Before {
		return fmt.Errorf("%w: call %d, %s, was made to fail", store.ErrUnavailable, n, method)
	}
	err := call()
	if fault == After && err == nil {
		return fmt.Errorf("call %d, %s: %w", n, method, ErrLost)
	}
	return err
}

// Get is table's, unless it is made to fail.
func (f *FaultyTable) Get(ctx context.Context, key store.Key) (it store.Item, err error) {
	err = f.through("Get", nil, func() error { it, err = f.table.Get(ctx, key); return err })
	if err != nil {
		it = store.Item{}
	}
	return it, err
}

// BatchGet is table's, unless it is made to fail.
func (f *FaultyTable) BatchGet(ctx context.Context, keys []store.Key) (items []store.Item, err error) {
	err = f.through("BatchGet", nil, func() error { items, err = f.table.BatchGet(ctx, keys); return err })
	if err != nil {
		items = nil
	}
	return items, err
}

// Query is table's, unless it is made to fail.
func (f *FaultyTable) Query(ctx context.Context, q store.Query) (page store.Page, err error) {
	err = f.through("Query", nil, func() error { page, err = f.table.Query(ctx, q); return err })
	if err != nil {
		page = store.Page{}
	}
	return page, err
}

// Write is table's, unless it is made to fail.
func (f *FaultyTable) Write(ctx context.Context, ops ...store.Op) error {
	return f.through("Write", ops, func() error { return f.table.Write(ctx, ops...) })
}

// Close is table's.
func (f *FaultyTable) Close() error { return f.table.Close() }
