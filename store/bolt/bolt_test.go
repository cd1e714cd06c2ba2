package bolt_test

import (
	"path/filepath"
	"testing"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/bolt"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

func open(t testing.TB) *bolt.Table {
	return openAt(t, filepath.Join(t.TempDir(), "packhorse.db"))
}

func openAt(t testing.TB, path string) *bolt.Table {
	t.Helper()
	table, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	return table
}

func TestTable(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Table { return open(t) })
}

func TestTableWithOrderingsThatLag(t *testing.T) {
	seed := uint64(0)
	storetest.Run(t, func(t *testing.T) store.Table {
		seed++
		return storetest.Lagging(open(t), seed)
	})
}
