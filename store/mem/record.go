package mem

import (
	"bytes"
	"encoding/binary"
	"time"
	"unsafe"

	"github.com/packhorse-batch/packhorse/store"
)

// record is one stored item, packed into a single allocation without pointers:
// a million jobs are millions of items, and an allocation per field would double
// what they take and make each garbage collection walk through them.
//
//	length       4 bytes, of the whole record
//	partition    uvarint length, bytes
//	sort         uvarint length, bytes
//	version      uvarint
//	expiry       one byte 0 or 1; then a varint of Unix seconds
//	entries      uvarint count; each: uvarint ordering number, partition, sort
//	data         the rest: see squeezer
//
// A record never changes once made. A *record points at its first byte, so that
// the trees hold 8 bytes for each.
type record struct{ length [4]byte }

const lengthBytes = 4

// pack builds the record of item. number gives each ordering's number; without s
// the data is kept as it is.
func pack(item *store.Item, version int64, number func(ordering string) int, s *squeezer) *record {
	var room [256]byte
	b := room[:0]
	b = appendText(b, item.Key.Partition)
	b = appendText(b, item.Key.Sort)
	b = binary.AppendUvarint(b, uint64(version))
	if item.Expires.IsZero() {
		b = append(b, 0)
	} else {
		b = binary.AppendVarint(append(b, 1), item.Expires.Unix())
	}
	b = binary.AppendUvarint(b, uint64(len(item.Entries)))
	for _, e := range item.Entries {
		b = binary.AppendUvarint(b, uint64(number(e.Ordering)))
		b = appendText(b, e.Partition)
		b = appendText(b, e.Sort)
	}
	b = s.pack(b, item.Data)
	whole := make([]byte, lengthBytes+len(b))
	binary.LittleEndian.PutUint32(whole, uint32(len(whole)))
	copy(whole[lengthBytes:], b)
	return (*record)(unsafe.Pointer(unsafe.SliceData(whole)))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (r *record) bytes() []byte {
	n := binary.LittleEndian.Uint32(r.length[:])
	return unsafe.Slice((*byte)(unsafe.Pointer(r)), n)
}

// reader takes a record apart from the front.
type reader struct{ rest []byte }

func (r *record) read() reader { return reader{r.bytes()[lengthBytes:]} }

func (rd *reader) number() uint64 {
	if b := rd.rest[0]; b < 0x80 { // nearly always
		rd.rest = rd.rest[1:]
		return uint64(b)
	}
	v, n := binary.Uvarint(rd.rest)
	rd.rest = rd.rest[n:]
	return v
}

func (rd *reader) text() []byte {
	n := rd.number()
	s := rd.rest[:n]
	rd.rest = rd.rest[n:]
	return s
}

// expiry returns the Unix seconds after which the item may go, if it may.
func (rd *reader) expiry() (seconds int64, expires bool) {
	if rd.number() == 0 {
		return 0, false
	}
	v, n := binary.Varint(rd.rest)
	rd.rest = rd.rest[n:]
	return v, true
}

func (r *record) version() int64 {
	rd := r.read()
	rd.text()
	rd.text()
	return int64(rd.number())
}

func (r *record) expiry() (seconds int64, expires bool) {
	rd := r.read()
	rd.text()
	rd.text()
	rd.number()
	return rd.expiry()
}

// place is where a record stands in an ordering.
type place struct{ partition, sort []byte }

// places calls visit for each ordering the record stands in.
func (r *record) places(visit func(ordering int, p place) bool) {
	rd := r.read()
	rd.text()
	rd.text()
	rd.number()
	rd.expiry()
	for range rd.number() {
		n := int(rd.number())
		if !visit(n, place{rd.text(), rd.text()}) {
			return
		}
	}
}

// placeIn returns where the record stands in one ordering. It is what the
// ordering's tree compares, so it walks by itself instead of through places.
func (r *record) placeIn(ordering int) (place, bool) {
	rd := r.read()
	rd.text()
	rd.text()
	rd.number()
	rd.expiry()
	for range rd.number() {
		n := int(rd.number())
		p := place{rd.text(), rd.text()}
		if n == ordering {
			return p, true
		}
	}
	return place{}, false
}

// compareKeys orders records by partition and sort key.
func compareKeys(a, b *record) int {
	ra, rb := a.read(), b.read()
	if c := bytes.Compare(ra.text(), rb.text()); c != 0 {
		return c
	}
	return bytes.Compare(ra.text(), rb.text())
}

// item unpacks the record into memory of its own.
func (r *record) item(orderingName func(number int) string, s *squeezer) store.Item {
	whole := r.bytes()
	rd := r.read()
	partition, sort := rd.text(), rd.text()
	it := store.Item{Version: int64(rd.number())}
	if seconds, expires := rd.expiry(); expires {
		it.Expires = time.Unix(seconds, 0).UTC()
	}
	// One copy serves all the strings: cut takes a part of the record out of it.
	entries := rd
	n := int(rd.number())
	for range n {
		rd.number()
		rd.text()
		rd.text()
	}
	text := string(whole[:len(whole)-len(rd.rest)])
	cut := func(part []byte) string {
		at := int(uintptr(unsafe.Pointer(unsafe.SliceData(part))) - uintptr(unsafe.Pointer(r)))
		return text[at : at+len(part)]
	}
	it.Key = store.Key{Partition: cut(partition), Sort: cut(sort)}
	if n > 0 {
		it.Entries = make([]store.Entry, n)
		entries.number()
		for i := range it.Entries {
			it.Entries[i].Ordering = orderingName(int(entries.number()))
			it.Entries[i].Partition = cut(entries.text())
			it.Entries[i].Sort = cut(entries.text())
		}
	}
	it.Data = s.unpack(whole[lengthBytes:], len(whole)-lengthBytes-len(rd.rest))
	return it
}
