package bolt

import "errors"

// bbolt keeps a list of the file's free pages. Written with each commit, it lets
// the next Open start at once; but after a great purge it has hundreds of
// thousands of numbers, which each commit would sort and write. Not written, Open
// has to find the free pages by reading the whole file.
//
// So it is written while it is short, and on Close. Only a crash soon after a
// great purge costs an Open that reads the file through: seconds for a million jobs.
const maxListedPages = 8192 // 64 KiB of page numbers in a commit

// chooseFreelist decides for the commit that comes.
func (t *Table) chooseFreelist() {
	s := t.db.Stats()
	t.db.NoFreelistSync = s.FreePageN+s.PendingPageN > t.listAtMost
	t.listed = !t.db.NoFreelistSync
}

// leaveFreelist writes the list for the next Open, if the last commit did not.
func (t *Table) leaveFreelist() {
	if t.listed || t.health.check() != nil {
		return
	}
	t.db.NoFreelistSync = false
	err := guard(t.path, func() error {
		tx, err := t.db.Begin(true)
		if err != nil {
			return err
		}
		return tx.Commit()
	})
	// Without the list the next Open only takes longer: no other error is worth telling.
	if errors.Is(err, ErrDamaged) {
		_ = t.health.wedge(err)
	}
}
