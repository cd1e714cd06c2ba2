package bolt

import (
	"errors"

	"go.etcd.io/bbolt"
)

// ListAtMost sets how many free pages a commit writes down.
func (t *Table) ListAtMost(n int) { t.listAtMost = n }

// OpenUnexamined opens a small file as a large one is: without a look at all its pages.
func OpenUnexamined(path string) (*Table, error) {
	return Open(path, Options{wholeCheck: -1})
}

// Check has bbolt look whether its file is consistent.
func (t *Table) Check() error {
	return t.db.View(func(tx *bbolt.Tx) error {
		var errs []error
		for err := range tx.Check() {
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
}

// SetFormat overwrites the format of the file.
func (t *Table) SetFormat(version string) error {
	return t.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyFormat, []byte(version)) })
}

// FreePages is how many pages of the file are free.
func (t *Table) FreePages() int { s := t.db.Stats(); return s.FreePageN + s.PendingPageN }

// Commits is how many transactions made it to the disk since the table was opened.
func (t *Table) Commits() int {
	id := 0
	t.db.View(func(tx *bbolt.Tx) error { id = tx.ID(); return nil })
	return id
}
