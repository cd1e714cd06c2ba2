//go:build !linux

package bolt

// resident does nothing here: the system decides what of the mapped file stays
// in memory.
type resident struct{}

func newResident(*Table, int64) *resident { return nil }

func (*resident) touched(int) {}

func (*resident) letGo() {}
