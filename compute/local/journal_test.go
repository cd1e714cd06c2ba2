package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestTheJournalKeepsWhatWasAddedAndDropsATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "placements")
	first := journalLine{"t1", "h 1", batch.Resources{MilliVCPU: 250, MemoryMiB: 512}}
	second := journalLine{"t2", "h2", batch.Resources{MilliVCPU: 4000, MemoryMiB: 16_000, GPUs: 1}}
	j, err := newJournal(path, []journalLine{first})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second says nothing new
		if err := j.add(second); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString("t3 \"h")
	file.Close()

	got, err := readJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]journalLine{first, second}, got, cmp.AllowUnexported(journalLine{})); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}

func TestNoJournalIsAnEmptyOne(t *testing.T) {
	if got, err := readJournal(filepath.Join(t.TempDir(), "none")); got != nil || err != nil {
		t.Errorf("readJournal() = %v, %v; want none", got, err)
	}
}
