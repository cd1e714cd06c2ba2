package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/packhorse-batch/packhorse/store"
)

// The buckets of a file, format 1:
//
//	meta                format -> "1"
//	items               primary key -> value
//	expiry              expiry, primary key -> nothing
//	ordering:NAME       partition 0 sort 0, primary key -> nothing
//
// A primary key is partition 0 sort. Keys hold no zero byte, so these sort as
// the contract wants. An ordering refers to the item by its key: a query reads
// the item itself, so what it shows is never old.
//
// A value is
//
//	checksum    4 bytes: CRC-32C of the primary key and all that follows
//	version     uvarint
//	expiry      one byte 0 or 1; then a varint of Unix seconds
//	entries     uvarint count; each: ordering, partition, sort
//	data        the rest
//
// where a text is its length as uvarint and its bytes.
const (
	format         = 1
	separator      = 0
	orderingPrefix = "ordering:"
	expiryBytes    = 8
	checksumBytes  = 4
)

var (
	bucketMeta   = []byte("meta")
	bucketItems  = []byte("items")
	bucketExpiry = []byte("expiry")
	keyFormat    = []byte("format")
)

func createBuckets(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucket(bucketMeta)
	if err != nil {
		return err
	}
	if err := meta.Put(keyFormat, strconv.AppendInt(nil, format, 10)); err != nil {
		return err
	}
	if _, err := tx.CreateBucket(bucketItems); err != nil {
		return err
	}
	_, err = tx.CreateBucket(bucketExpiry)
	return err
}

// checkFormat reports whether the file is fresh, that is without any bucket, or
// why it cannot be used.
func checkFormat(path string, tx *bbolt.Tx) (fresh bool, err error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return false, fmt.Errorf("%s: %w: it belongs to another program (it has a bucket %q): choose another file", path, ErrFormat, name)
		}
		return true, nil
	}
	switch got := meta.Get(keyFormat); {
	case got == nil:
		return false, fmt.Errorf("%s: %w: it belongs to another program (its bucket \"meta\" names no format): choose another file", path, ErrFormat)
	case string(got) != strconv.Itoa(format):
		return false, fmt.Errorf("%s: %w: it is of format %q, this program knows %d: use the version of Packhorse that wrote it, or choose another file", path, ErrFormat, got, format)
	}
	if tx.Bucket(bucketItems) == nil || tx.Bucket(bucketExpiry) == nil {
		return false, damaged(path, "a bucket is missing")
	}
	return false, nil
}

func primaryKey(k store.Key) []byte {
	b := make([]byte, 0, len(k.Partition)+1+len(k.Sort))
	return appendPrimaryKey(b, k)
}

func appendPrimaryKey(b []byte, k store.Key) []byte {
	b = append(b, k.Partition...)
	b = append(b, separator)
	return append(b, k.Sort...)
}

func parsePrimaryKey(b []byte) (store.Key, bool) {
	partition, sort, ok := bytes.Cut(b, []byte{separator})
	return store.Key{Partition: string(partition), Sort: string(sort)}, ok
}

// placeKey is the key in an ordering's bucket.
func placeKey[T string | []byte](partition, sort T, primary []byte) []byte {
	b := make([]byte, 0, len(partition)+1+len(sort)+1+len(primary))
	b = append(b, partition...)
	b = append(b, separator)
	b = append(b, sort...)
	b = append(b, separator)
	return append(b, primary...)
}

// expiryKey is the key in the expiry bucket. Flipping the sign makes times before
// 1970 sort before the others.
func expiryKey(seconds int64, primary []byte) []byte {
	b := make([]byte, expiryBytes, expiryBytes+len(primary))
	binary.BigEndian.PutUint64(b, uint64(seconds)^(1<<63))
	return append(b, primary...)
}

func parseExpiryKey(b []byte) (seconds int64, primary []byte, ok bool) {
	if len(b) < expiryBytes {
		return 0, nil, false
	}
	return int64(binary.BigEndian.Uint64(b) ^ (1 << 63)), b[expiryBytes:], true
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(primary, rest []byte) uint32 {
	return crc32.Update(crc32.Checksum(primary, castagnoli), castagnoli, rest)
}

// encode builds the value of item.
func encode(primary []byte, item *store.Item, version int64) []byte {
	size := checksumBytes + 2*binary.MaxVarintLen64 + 2 + len(item.Data)
	for _, e := range item.Entries {
		size += 3*binary.MaxVarintLen16 + len(e.Ordering) + len(e.Partition) + len(e.Sort)
	}
	b := make([]byte, checksumBytes, size)
	b = binary.AppendUvarint(b, uint64(version))
	if item.Expires.IsZero() {
		b = append(b, 0)
	} else {
		b = binary.AppendVarint(append(b, 1), item.Expires.Unix())
	}
	b = binary.AppendUvarint(b, uint64(len(item.Entries)))
	for _, e := range item.Entries {
		b = appendText(appendText(appendText(b, e.Ordering), e.Partition), e.Sort)
	}
	b = append(b, item.Data...)
	binary.LittleEndian.PutUint32(b, checksum(primary, b[checksumBytes:]))
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// value is a stored value taken apart. Its parts lie in the file's memory and
// end with the transaction.
type value struct {
	version int64
	expires bool
	seconds int64
	entries []byte // encoded; walk with each
	count   int
	data    []byte
}

// decode takes a value apart, after it has made sure that it is what was written.
func decode(primary, b []byte) (v value, ok bool) {
	if len(b) < checksumBytes || binary.LittleEndian.Uint32(b) != checksum(primary, b[checksumBytes:]) {
		return value{}, false
	}
	rd := reader{rest: b[checksumBytes:]}
	version := rd.uvarint()
	v.version = int64(version)
	if rd.uvarint() == 1 {
		v.expires, v.seconds = true, rd.varint()
	}
	count := rd.uvarint()
	if version > math.MaxInt64 || count > uint64(len(rd.rest)) {
		return value{}, false
	}
	v.count = int(count)
	v.entries = rd.rest
	for range 3 * v.count {
		rd.text()
	}
	v.entries = v.entries[:len(v.entries)-len(rd.rest)]
	v.data = rd.rest
	return v, !rd.bad
}

// each visits the entries.
func (v *value) each(visit func(ordering, partition, sort []byte)) {
	rd := reader{rest: v.entries}
	for range v.count {
		visit(rd.text(), rd.text(), rd.text())
	}
}

// places lists where the item stands besides its own key.
func (v *value) places(primary []byte) []place {
	if v.count == 0 && !v.expires {
		return nil
	}
	places := make([]place, 0, v.count+1)
	v.each(func(ordering, partition, sort []byte) {
		places = append(places, place{append([]byte(orderingPrefix), ordering...), placeKey(partition, sort, primary)})
	})
	if v.expires {
		places = append(places, place{bucketExpiry, expiryKey(v.seconds, primary)})
	}
	return places
}

// item copies the value out of the file's memory.
func (v *value) item(key store.Key) store.Item {
	it := store.Item{Key: key, Version: v.version, Data: bytes.Clone(v.data)}
	if v.expires {
		it.Expires = time.Unix(v.seconds, 0).UTC()
	}
	if v.count > 0 {
		it.Entries = make([]store.Entry, 0, v.count)
		v.each(func(ordering, partition, sort []byte) {
			it.Entries = append(it.Entries, store.Entry{Ordering: string(ordering), Partition: string(partition), Sort: string(sort)})
		})
	}
	return it
}

// reader takes bytes apart from the front; bad tells that there were too few.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	return v * uint64(r.advance(n))
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	return v * int64(r.advance(n))
}

// advance skips n bytes and returns 1, or returns 0 when there are no n bytes.
func (r *reader) advance(n int) int {
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return 1
}

func (r *reader) text() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	s := r.rest[:n:n]
	r.rest = r.rest[n:]
	return s
}
