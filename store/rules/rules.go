// Package rules holds what every backend of store.Table does alike before it
// works: it refuses calls that break the contract, and it writes down where a
// page of a query ended.
//
// A backend calls one Check function at the top of each method. All errors are
// store.ErrInvalid and name the field and its limit.
package rules

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/packhorse-batch/packhorse/store"
)

// MaxOrdering is the most bytes of an ordering's name. DynamoDB allows index
// names of 255 characters.
const MaxOrdering = 255

// CheckKey refuses a key that no item can have.
func CheckKey(k store.Key) error {
	if err := checkText("partition", k.Partition, store.MaxPartition); err != nil {
		return err
	}
	return checkText("sort", k.Sort, store.MaxSort)
}

// CheckBatchGet refuses what BatchGet cannot answer. No keys at all are fine.
func CheckBatchGet(keys []store.Key) error {
	if len(keys) > store.MaxBatchGet {
		return invalid("BatchGet of %d keys: at most %d at once", len(keys), store.MaxBatchGet)
	}
	for i, k := range keys {
		if err := CheckKey(k); err != nil {
			return fmt.Errorf("key %d: %w", i, err)
		}
	}
	return nil
}

// CheckQuery refuses a query that breaks a rule. Query.After is read by ParseMark.
func CheckQuery(q store.Query) error {
	if q.Ordering != "" {
		if err := checkText("ordering", q.Ordering, MaxOrdering); err != nil {
			return err
		}
	}
	if err := checkText("partition", q.Partition, store.MaxPartition); err != nil {
		return err
	}
	if q.From != "" {
		if err := checkText("from", q.From, store.MaxSort); err != nil {
			return err
		}
	}
	if q.Before != "" {
		if err := checkText("before", q.Before, store.MaxSort); err != nil {
			return err
		}
	}
	if q.Limit < 1 || q.Limit > store.MaxPage {
		return invalid("limit %d is out of range: give 1 to %d", q.Limit, store.MaxPage)
	}
	return nil
}

// CheckWrite refuses operations that cannot be one Write.
func CheckWrite(ops []store.Op) error {
	if len(ops) < 1 || len(ops) > store.MaxWrite {
		return invalid("Write of %d operations: give 1 to %d", len(ops), store.MaxWrite)
	}
	bytes := 0
	for i := range ops {
		if err := checkOp(&ops[i]); err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
		// Comparing pairs is quicker than a map for the few operations of a
		// usual Write, and no slower for a full one.
		for j := range i {
			if ops[j].Item.Key == ops[i].Item.Key {
				return invalid("operations %d and %d are both on %s: put them into one", j, i, ops[i].Item.Key)
			}
		}
		bytes += size(&ops[i].Item)
	}
	if bytes > store.MaxWriteBytes {
		return invalid("Write of %d bytes: at most %d; make several of it", bytes, store.MaxWriteBytes)
	}
	return nil
}

// size is what an item adds to a Write.
func size(item *store.Item) int {
	n := len(item.Key.Partition) + len(item.Key.Sort) + len(item.Data)
	for i := range item.Entries {
		n += len(item.Entries[i].Partition) + len(item.Entries[i].Sort)
	}
	return n
}

func checkOp(op *store.Op) error {
	if err := CheckKey(op.Item.Key); err != nil {
		return err
	}
	if op.If.Version < 0 {
		return invalid("condition on version %d: versions start at 1", op.If.Version)
	}
	if op.Delete {
		return nil
	}
	if op.If.Any {
		return invalid("a put needs IfAbsent or IfVersion: only a delete may be unconditional")
	}
	if len(op.Item.Data) > store.MaxItemBytes {
		return invalid("data of %d bytes: at most %d", len(op.Item.Data), store.MaxItemBytes)
	}
	for i, e := range op.Item.Entries {
		if err := checkEntry(e, op.Item.Key); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		for _, other := range op.Item.Entries[:i] {
			if other.Ordering == e.Ordering {
				return invalid("entry %d: the item stands in ordering %q already", i, e.Ordering)
			}
		}
	}
	return nil
}

func checkEntry(e store.Entry, of store.Key) error {
	if err := checkText("ordering", e.Ordering, MaxOrdering); err != nil {
		return err
	}
	if err := checkText("partition", e.Partition, store.MaxPartition); err != nil {
		return err
	}
	if err := checkText("sort", e.Sort, store.MaxSort); err != nil {
		return err
	}
	if n := len(e.Sort) + len(of.Partition) + len(of.Sort); n > store.MaxPlace {
		return invalid("the sort and the item's key have %d bytes together: at most %d in an ordering", n, store.MaxPlace)
	}
	return nil
}

// CheckPurge refuses a Purge that could do nothing.
func CheckPurge(limit int) error {
	if limit < 1 {
		return invalid("purge limit %d is out of range: give at least 1", limit)
	}
	return nil
}

func checkText(field, s string, most int) error {
	switch {
	case s == "":
		return invalid("the %s is empty", field)
	case len(s) > most:
		return invalid("the %s has %d bytes: at most %d", field, len(s), most)
	case !utf8.ValidString(s):
		return invalid("the %s %q is not UTF-8", field, s)
	case strings.IndexByte(s, 0) >= 0:
		return invalid("the %s %q has a zero byte", field, s)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", store.ErrInvalid, fmt.Sprintf(format, args...))
}
