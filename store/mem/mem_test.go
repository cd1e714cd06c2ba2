package mem_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

func open(t *testing.T) store.Table {
	table := mem.Open()
	t.Cleanup(func() { table.Close() })
	return table
}

func TestTable(t *testing.T) { storetest.Run(t, open) }
