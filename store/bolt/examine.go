package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"

	"go.etcd.io/bbolt"
)

// bbolt trusts its file: it follows a wrong page number into memory that is not
// there, partly in goroutines where nobody could catch that, and it overwrites
// what a wrong list of free pages calls free. So a file is examined before bbolt
// opens it for writing. The headers and the list of free pages always are; the
// pages of the trees all are when that is quick, and when bbolt itself would have
// to read them all. In a large file other damage shows when it is read.

// wholeCheckBytes is up to which size a file is read through on each Open: a
// fraction of a second.
const wholeCheckBytes = 64 << 20

// finding is what examine learns about a file that can be opened.
type finding struct {
	fresh  bool // there is none yet, or it is empty
	listed bool // it holds the list of its free pages
}

// examine looks whether the file at path can be opened.
func examine(path string, opts Options) (finding, error) {
	size, err := checkIsFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return finding{fresh: true}, nil
	} else if err != nil {
		return finding{}, err
	}
	if size == 0 {
		return finding{fresh: true}, nil
	}
	// bbolt's own lock, shared, keeps writers away while the file is examined.
	var file *os.File
	var db *bbolt.DB
	err = guard(path, func() error {
		var err error
		db, err = bbolt.Open(path, fileMode, &bbolt.Options{
			ReadOnly: true,
			Timeout:  opts.LockTimeout,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(name, flag, mode)
				file = f
				return f, err
			},
		})
		return err
	})
	if err != nil {
		if size < 2*int64(os.Getpagesize()) && file != nil {
			return finding{}, damaged(path, "it has only %d bytes", size)
		}
		return finding{}, openError(path, err)
	}
	defer db.Close()
	e := &examination{file: file, size: size, pageSize: db.Info().PageSize, wholeCheck: opts.wholeCheck}
	if err := e.run(); err != nil {
		return finding{}, damaged(path, "%v", err)
	}
	return finding{listed: e.header.listed()}, nil
}

// examination reads a file in bbolt's format, version 2, described in
// go.etcd.io/bbolt/internal/common: pages of one size, or of several times that
// (overflow), each with a header of 16 bytes; pages 0 and 1 are the two headers of
// the file, written in turn.
type examination struct {
	file       io.ReaderAt
	size       int64
	pageSize   int
	wholeCheck int64 // bytes
	header     header
	seen       []uint64         // a bit for each page that belongs to a tree
	buffers    [maxDepth][]byte // one for each level: a page stays in use while those below are read
}

const (
	pageHeaderBytes = 16
	elementBytes    = 16 // describes a key of a branch or leaf page
	bucketBytes     = 16 // root page and sequence, in the value of a bucket
	headerBytes     = 64 // of a file header, with its checksum

	kindBranch = 0x01
	kindLeaf   = 0x02
	kindFree   = 0x10

	elementIsBucket = 0x01
	notListed       = ^uint64(0)
	maxDepth        = 64 // levels of pages and buckets; a million jobs take 5
)

// header is one of the two file headers.
type header struct {
	root     uint64 // page of the bucket of buckets
	freelist uint64 // page of the list of free pages, or notListed
	pages    uint64 // pages in use: all page numbers are below
	tx       uint64
}

func (h header) listed() bool { return h.freelist != notListed }

func (e *examination) run() error {
	one, ok0 := e.readHeader(0)
	two, ok1 := e.readHeader(1)
	// They are written in turn, and bbolt makes do with either. But a write of a
	// header, 80 bytes, is never half done on a disk: when one is wrong it was
	// overwritten, and may be the one with the latest commit. Better to say so than
	// to lose what was acknowledged.
	switch {
	case !ok0 && !ok1:
		return errors.New("it has no valid header")
	case !ok0 || !ok1:
		return errors.New("one of its two headers is overwritten")
	}
	if e.header = two; one.tx > two.tx {
		e.header = one
	}
	if used := int64(e.header.pages) * int64(e.pageSize); used > e.size {
		return fmt.Errorf("it has %d bytes but should have at least %d, as if its end were cut off", e.size, used)
	}
	e.seen = make([]uint64, e.header.pages/64+1)
	if e.size <= e.wholeCheck || !e.header.listed() {
		if err := e.tree(e.header.root, 0); err != nil {
			return err
		}
	}
	if e.header.listed() {
		return e.freelist()
	}
	return nil
}

// readHeader reads the file header in page n, if it is valid.
func (e *examination) readHeader(n int64) (header, bool) {
	var b [pageHeaderBytes + headerBytes]byte
	if _, err := e.file.ReadAt(b[:], n*int64(e.pageSize)); err != nil {
		return header{}, false
	}
	// magic, version, page size and flags of 4 bytes each; root page and its
	// sequence, list of free pages, pages, transaction and checksum of 8.
	meta := b[pageHeaderBytes:]
	sum := fnv.New64a()
	_, _ = sum.Write(meta[:56])
	u64 := func(at int) uint64 { return binary.NativeEndian.Uint64(meta[at:]) }
	return header{root: u64(16), freelist: u64(32), pages: u64(40), tx: u64(48)}, u64(56) == sum.Sum64()
}

// page is a page with its overflow.
type page struct {
	id    uint64
	kind  uint16
	count int
	bytes []byte
}

// read reads page id, at a level of the tree, and notes it as seen.
func (e *examination) read(id uint64, depth int) (page, error) {
	if id < 2 || id >= e.header.pages {
		return page{}, fmt.Errorf("page %d does not exist", id)
	}
	if e.buffers[depth] == nil {
		e.buffers[depth] = make([]byte, e.pageSize)
	}
	b := e.buffers[depth]
	if _, err := e.file.ReadAt(b, int64(id)*int64(e.pageSize)); err != nil {
		return page{}, fmt.Errorf("page %d cannot be read: %w", id, err)
	}
	p := page{
		id:    id,
		kind:  binary.NativeEndian.Uint16(b[8:]),
		count: int(binary.NativeEndian.Uint16(b[10:])),
		bytes: b,
	}
	overflow := uint64(binary.NativeEndian.Uint32(b[12:]))
	if binary.NativeEndian.Uint64(b) != id || overflow >= e.header.pages-id {
		return page{}, fmt.Errorf("page %d is overwritten", id)
	}
	if overflow > 0 {
		p.bytes = make([]byte, (overflow+1)*uint64(e.pageSize))
		if _, err := e.file.ReadAt(p.bytes, int64(id)*int64(e.pageSize)); err != nil {
			return page{}, fmt.Errorf("page %d cannot be read: %w", id, err)
		}
	}
	for n := id; n <= id+overflow; n++ {
		if e.seen[n/64]&(1<<(n%64)) != 0 {
			return page{}, fmt.Errorf("page %d is in use twice", n)
		}
		e.seen[n/64] |= 1 << (n % 64)
	}
	return p, nil
}

// tree examines the page at the root of a bucket or a part of one, and all below.
func (e *examination) tree(id uint64, depth int) error {
	if depth >= maxDepth {
		return fmt.Errorf("page %d lies too deep", id)
	}
	p, err := e.read(id, depth)
	if err != nil {
		return err
	}
	return e.elements(p, depth)
}

// elements examines the keys of a branch or leaf page and what they lead to.
func (e *examination) elements(p page, depth int) error {
	overwritten := fmt.Errorf("page %d is overwritten", p.id)
	if p.kind != kindBranch && p.kind != kindLeaf || p.kind == kindBranch && p.count == 0 ||
		pageHeaderBytes+p.count*elementBytes > len(p.bytes) {
		return overwritten
	}
	var last []byte
	for i := range p.count {
		at := pageHeaderBytes + i*elementBytes
		element := p.bytes[at:]
		u32 := func(n int) int { return int(binary.NativeEndian.Uint32(element[n:])) }
		var position, keyBytes, valueBytes int
		if p.kind == kindBranch { // position, key size; child page of 8 bytes
			position, keyBytes = u32(0), u32(4)
		} else { // flags, position, key size, value size
			position, keyBytes, valueBytes = u32(4), u32(8), u32(12)
		}
		start := at + position // sums of 4-byte numbers: they do not overflow an int
		if start+keyBytes+valueBytes > len(p.bytes) || start < at+elementBytes || keyBytes == 0 {
			return overwritten
		}
		key, val := p.bytes[start:start+keyBytes], p.bytes[start+keyBytes:start+keyBytes+valueBytes]
		if i > 0 && string(last) >= string(key) {
			return overwritten
		}
		last = key
		switch {
		case p.kind == kindBranch:
			if err := e.tree(binary.NativeEndian.Uint64(element[8:]), depth+1); err != nil {
				return err
			}
		case u32(0)&elementIsBucket != 0:
			if err := e.bucket(p.id, val, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucket examines a bucket: a small one lies in the value itself, as a page.
func (e *examination) bucket(in uint64, val []byte, depth int) error {
	if len(val) < bucketBytes {
		return fmt.Errorf("page %d is overwritten", in)
	}
	if root := binary.NativeEndian.Uint64(val); root != 0 {
		return e.tree(root, depth)
	}
	b := val[bucketBytes:]
	if len(b) < pageHeaderBytes || depth >= maxDepth {
		return fmt.Errorf("page %d is overwritten", in)
	}
	inline := page{id: in, kind: binary.NativeEndian.Uint16(b[8:]), count: int(binary.NativeEndian.Uint16(b[10:])), bytes: b}
	if inline.kind != kindLeaf {
		return fmt.Errorf("page %d is overwritten", in)
	}
	return e.elements(inline, depth)
}

// freelist examines the list of free pages: numbers in ascending order, none of
// a page in use, after their count when it is too large for the page header.
func (e *examination) freelist() error {
	p, err := e.read(e.header.freelist, 0)
	if err != nil {
		return err
	}
	wrong := fmt.Errorf("page %d, the list of free pages, is overwritten", p.id)
	b, count := p.bytes[pageHeaderBytes:], uint64(p.count)
	const countIsFirst = 0xFFFF
	if p.kind != kindFree {
		return wrong
	}
	if count == countIsFirst {
		count, b = binary.NativeEndian.Uint64(b), b[8:]
	}
	if count > uint64(len(b)/8) {
		return wrong
	}
	last := uint64(1)
	for i := range count {
		id := binary.NativeEndian.Uint64(b[i*8:])
		if id <= last || id >= e.header.pages || e.seen[id/64]&(1<<(id%64)) != 0 {
			return wrong
		}
		last = id
	}
	return nil
}
