// Package store keeps Packhorse's records.
//
// It has two layers. A [Table] is the small contract that each backend (memory,
// bbolt, DynamoDB) fulfils: versioned items under a partition and a sort key, a
// few secondary orderings, and conditional writes. Above it, written once, are
// the typed records: keys, orderings, encoding and leases. A backend knows
// nothing of jobs or queues; the typed layer knows nothing of files or networks.
package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits that every backend enforces alike, so that what passes on a laptop also
// passes on DynamoDB. Source: DynamoDB developer guide, "Service, account, and
// table quotas" (items of 400 KB, 100 actions and 4 MB in a transaction, sort keys of
// 1,024 bytes, partition keys of 2,048).
const (
	MaxWrite      = 100        // operations in one Write
	MaxWriteBytes = 3 << 20    // keys, entries and Data of all operations of one Write
	MaxBatchGet   = 100        // keys in one BatchGet
	MaxPage       = 1000       // items in one page of a Query
	MaxItemBytes  = 350 * 1024 // Data of one item; the rest is room for keys
	MaxPartition  = 2000       // bytes of a partition key; the rest is room for a shard
	MaxSort       = 1024       // bytes of a sort key
	// MaxPlace is the most bytes of an entry's sort and of both parts of its item's key
	// together: what orders an ordering, ties included, is one sort key on DynamoDB.
	MaxPlace = MaxSort - 2
)

// What a Table answers besides success. Callers branch with errors.Is. A Write
// that fails with one of these wrote nothing. After any other error (the end of
// the context, a connection that broke before the answer) it may or may not have
// taken effect: read before deciding.
var (
	// ErrNotFound: no item has that key.
	ErrNotFound = errors.New("no such item")
	// ErrConflict: a condition of a Write did not hold; nothing was written. The
	// error is a *ConflictError, which names the operation.
	ErrConflict = errors.New("the item is not as the write expected")
	// ErrInvalid: the call breaks a rule of this contract (an empty key, too many
	// operations, a limit out of range). Trying again cannot help.
	ErrInvalid = errors.New("invalid table call")
	// ErrUnavailable: the backend could not do it now (a full disk, throttling, no
	// connection to begin with). Nothing was written; the same call may succeed later.
	ErrUnavailable = errors.New("the store is unavailable")
	// ErrClosed: the table was closed.
	ErrClosed = errors.New("the store is closed")
)

// ConflictError says which operation of a Write met an item that was not as
// expected. It is an ErrConflict.
type ConflictError struct {
	Index int // position in the arguments of Write
	Key   Key
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("%v: operation %d on %s", ErrConflict, e.Index, e.Key)
}

func (e *ConflictError) Unwrap() error { return ErrConflict }

// Key names an item. Both parts are non-empty UTF-8 without zero bytes; items
// of a partition are ordered by the bytes of Sort.
type Key struct{ Partition, Sort string }

func (k Key) String() string { return k.Partition + "/" + k.Sort }

// Entry places an item in one secondary ordering, under a partition and a sort
// key of that ordering. All three obey the rules and limits of a Key, and MaxPlace.
// Several items may share partition and sort; they are then ordered by their Key.
type Entry struct{ Ordering, Partition, Sort string }

// Item is one record as a Table sees it.
type Item struct {
	Key Key
	// Version is what Write made it: 1 for a new item, then one more with each
	// write. Write ignores the value given.
	Version int64
	// Data is the encoded record. The table neither reads nor changes it.
	Data []byte
	// Entries lists the secondary orderings the item stands in, at most one each.
	// A write replaces them all.
	Entries []Entry
	// Expires is when the item may be purged, to the second; zero means never.
	// Until it is purged an expired item may still be read.
	Expires time.Time
}

// Op is one operation of a Write. Make it with Put or Delete.
type Op struct {
	Delete bool
	Item   Item      // for Delete only Item.Key counts
	If     Condition // what must be stored under the key for the write to happen

	// record is what a Put of Records that are alone stores, decoded: a *batch.Job or a
	// *Host as it is afterwards, for those who follow.
	record any
}

// Condition is what an operation expects to find under its key.
type Condition struct {
	// Version is the version that must be stored; 0 means that no item may be.
	Version int64
	// Any drops the expectation. Only Delete may use it.
	Any bool
}

// IfAbsent expects that no item has the key.
func IfAbsent() Condition { return Condition{} }

// IfVersion expects the item at version v; v is at least 1.
func IfVersion(v int64) Condition { return Condition{Version: v} }

// Always expects nothing: a Delete with it succeeds whether or not there is an item.
func Always() Condition { return Condition{Any: true} }

// Put writes item if cond holds. The stored version becomes 1 under IfAbsent and
// v+1 under IfVersion(v).
func Put(item Item, cond Condition) Op { return Op{Item: item, If: cond} }

// Delete removes the item under key if cond holds.
func Delete(key Key, cond Condition) Op {
	return Op{Delete: true, Item: Item{Key: key}, If: cond}
}

// Query asks for a page of items of one partition, in the order of their sort keys.
type Query struct {
	// Ordering is the secondary ordering to read; empty means the items' own keys.
	Ordering  string
	Partition string
	// From and Before bound the sort key: From <= sort < Before. Empty is open;
	// bounds that leave nothing between them give an empty page.
	From, Before string
	// Descending turns the order round; the bounds mean the same.
	Descending bool
	// Limit is the most items to return, 1 to MaxPage. A page may hold fewer
	// although more follow.
	Limit int
	// After continues behind a page: its Next. The other fields must be the same.
	After string
}

// Page is an answer to a Query.
type Page struct {
	Items []Item
	// Next continues the query; empty when nothing follows. It stays good when
	// items come and go meanwhile: what exists throughout is seen exactly once.
	Next string
}

// Table is what a backend promises. The suite in storetest holds every backend
// to it. All methods may be called from many goroutines at once.
//
//   - Get, BatchGet and a Query without Ordering see every Write that returned
//     before they began.
//   - A Query with an Ordering may lag behind writes: it may show an item as it
//     was a moment ago (with the version of that moment), miss a new one, or show
//     one that is gone. It never shows something that was never written.
//   - Write is durable when it returns nil. It is all or nothing, also in a crash:
//     an error other than a broken connection or a context's end means that
//     nothing was written; after those two it may or may not have been.
//   - Data that is passed in or handed out is not shared: the caller may change it.
type Table interface {
	// Get returns the item under key, or ErrNotFound.
	Get(ctx context.Context, key Key) (Item, error)
	// BatchGet returns the items that exist among up to MaxBatchGet keys, in no
	// promised order. Absent keys are left out; a key given twice is answered once.
	BatchGet(ctx context.Context, keys []Key) ([]Item, error)
	// Query returns a page.
	Query(ctx context.Context, q Query) (Page, error)
	// Write applies 1 to MaxWrite operations of at most MaxWriteBytes together, no two
	// on one key, or none of them.
	Write(ctx context.Context, ops ...Op) error
	// Close releases the table. Writes under way end first; later calls answer
	// ErrClosed. Closing twice does no harm.
	Close() error
}

// Scattered is a Table that keeps its partitions in no order, as DynamoDB does. In
// others, ids that sort by time keep what is written together side by side.
type Scattered interface {
	Table
	Scattered()
}

// Purger is a Table that removes expired items itself; DynamoDB does so by its
// own TTL and has no need of it.
type Purger interface {
	// Purge removes up to limit items that expired before now and returns how many.
	Purge(ctx context.Context, now time.Time, limit int) (int, error)
}
