package bolt_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/bolt"
)

func TestMappedPagesAreHandedBack(t *testing.T) {
	const items, itemBytes = 4000, 16 << 10 // 64 MB, which is far more than the limit
	path := filepath.Join(t.TempDir(), "packhorse.db")
	table, err := bolt.Open(path, bolt.Options{ResidentBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	data := []byte(strings.Repeat("0123456789abcdef", itemBytes/16))
	for from := 0; from < items; from += 50 {
		var ops []store.Op
		for n := from; n < from+50; n++ {
			it := numbered(n)
			it.Data = data
			ops = append(ops, store.Put(it, store.IfAbsent()))
		}
		if err := table.Write(t.Context(), ops...); err != nil {
			t.Fatal(err)
		}
	}
	readAll := func() {
		for n := range items {
			it, err := table.Get(t.Context(), numbered(n).Key)
			if err != nil || len(it.Data) != itemBytes {
				t.Fatalf("item %d: %d bytes, %v", n, len(it.Data), err)
			}
		}
	}
	readAll()
	before := bolt.MappedBytes()
	table.LetGo()
	after := bolt.MappedBytes()
	if after >= before {
		t.Errorf("letting go took the mapped pages from %d to %d bytes, want fewer", before, after)
	}
	readAll() // all is there still
	if grown := bolt.MappedBytes() - after; grown > items*itemBytes*3/4 {
		t.Errorf("reading %d bytes left %d of them resident, want less", items*itemBytes, grown)
	}
}
