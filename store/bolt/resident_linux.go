package bolt

import (
	"bytes"
	"os"
	"strconv"
	"sync/atomic"
	"unsafe"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// resident keeps the mapped file from counting as memory of this process.
//
// bbolt reads through a mapping of the whole file, and each page that is read
// stays in the process' resident set, up to the size of the file. It costs
// nobody memory, since the system can take such pages away, but who limits or
// watches the process sees a gigabyte. So once in a while the mapping is let go:
// the pages remain in the system's cache and come back, when read, without the disk.
type resident struct {
	table *Table
	limit int64
	since atomic.Int64 // items read or written since the last look
}

// lookEvery is how many items are read or written between two looks at the size.
// With each, the system maps up to 16 pages (64 KiB, fault_around_bytes) that it
// happens to have in its cache.
const lookEvery = 2048

func newResident(t *Table, limit int64) *resident {
	return &resident{table: t, limit: limit}
}

// touched notes that n items were read or written.
func (r *resident) touched(n int) {
	if r.since.Add(int64(n)) < lookEvery {
		return
	}
	r.since.Store(0)
	if mappedBytes() > r.limit {
		r.letGo()
	}
}

// letGo drops the pages of the mapping, in a transaction that keeps it in place.
func (r *resident) letGo() {
	_ = r.table.view(func(tx *bbolt.Tx) error {
		info := r.table.db.Info()
		size := int(tx.Size()) // whole pages; the mapping is at least as long
		mapping := unsafe.Slice((*byte)(pointer(info.Data)), size)
		return unix.Madvise(mapping, unix.MADV_DONTNEED)
	})
}

// pointer turns the address of memory that is not Go's into a pointer.
func pointer(address uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

// mappedBytes is how much of mapped files is resident in this process.
func mappedBytes() int64 {
	var buf [256]byte
	f, err := os.Open("/proc/self/statm") // size resident shared ..., in pages
	if err != nil {
		return 0
	}
	defer f.Close()
	n, _ := f.Read(buf[:])
	fields := bytes.Fields(buf[:n])
	if len(fields) < 3 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[2]), 10, 64)
	return pages * int64(os.Getpagesize())
}
