package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/bolt"
	"github.com/packhorse-batch/packhorse/test/smalldisk"
)

func TestFullDiskRefusesWritesUntilThereIsRoom(t *testing.T) {
	const disk, ballast, itemBytes = 12 << 20, 4 << 20, 50 << 10
	dir := smalldisk.Mount(t, disk)
	ballastFile := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballastFile, make([]byte, ballast), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "packhorse.db")
	table := openAt(t, path)
	item := func(n int) store.Item {
		it := numbered(n)
		it.Data = []byte(strings.Repeat(fmt.Sprint(n%10), itemBytes))
		it.Entries = []store.Entry{{Ordering: "numbers", Partition: "all", Sort: it.Key.Sort}}
		return it
	}
	fill := func(from int) (next int) {
		for n := from; n < disk/itemBytes; n++ {
			err := table.Write(t.Context(), store.Put(item(n), store.IfAbsent()))
			if err == nil {
				continue
			}
			if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("Write on a full disk = %v, want ErrUnavailable because of ENOSPC", err)
			}
			wantText(t, err, path, "make room on the disk")
			return n
		}
		t.Fatal("the disk never got full")
		return 0
	}
	check := func(table *bolt.Table, n int) {
		t.Helper()
		for i := range n {
			got, err := table.Get(t.Context(), item(i).Key)
			if err != nil || !bytes.Equal(got.Data, item(i).Data) {
				t.Fatalf("item %d of %d: %v", i, n, err)
			}
		}
		if _, err := table.Get(t.Context(), item(n).Key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the item of the failed Write: %v, want ErrNotFound", err)
		}
		page, err := table.Query(t.Context(), store.Query{Ordering: "numbers", Partition: "all", Limit: store.MaxPage})
		if err != nil || len(page.Items) != n {
			t.Errorf("the ordering shows %d items, %v, want %d", len(page.Items), err, n)
		}
		if err := table.Check(); err != nil {
			t.Errorf("the file is not consistent: %v", err)
		}
	}

	n := fill(0)
	check(table, n)
	for range 5 { // each attempt fails alike
		if again := fill(n); again != n {
			t.Fatalf("a full disk took items %d to %d", n, again)
		}
	}
	check(table, n)

	if err := os.Remove(ballastFile); err != nil {
		t.Fatal(err)
	}
	more := fill(n)
	if more <= n {
		t.Fatalf("with %d bytes more room no write succeeded", ballast)
	}
	check(table, more)
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	check(openAt(t, path), more)
	t.Logf("full at %d items, with more room at %d", n, more)
}

func TestOpenOnAFullDiskSaysSo(t *testing.T) {
	dir := smalldisk.Mount(t, 64<<10)
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 60<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := bolt.Open(filepath.Join(dir, "packhorse.db"), bolt.Options{})
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Open = %v, want ErrUnavailable because of ENOSPC", err)
	}
}
