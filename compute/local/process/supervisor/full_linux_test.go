package supervisor

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/test/smalldisk"
)

// fullDisk is a journal on a disk that has no room left for a longer line, and what
// makes room.
func fullDisk(t *testing.T) (journal *os.File, free func()) {
	t.Helper()
	dir := smalldisk.Mount(t, 64<<10)
	journal, err := os.OpenFile(JournalPath(dir), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { journal.Close() })
	if err := Append(journal, Record{Task: &Spec{ID: "t1"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/filler", make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk = %v, want %v", err, syscall.ENOSPC)
	}
	return journal, func() {
		if err := os.Remove(dir + "/filler"); err != nil {
			t.Error(err)
		}
	}
}

// long is an end that needs another page of the disk.
var long = Record{End: &Status{State: stopped, Version: 7, Reason: strings.Repeat("x", 8<<10)}}

func TestALineThatDoesNotFitLeavesNothing(t *testing.T) {
	journal, free := fullDisk(t)
	if err := Append(journal, long); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Append to a full disk = %v, want %v", err, syscall.ENOSPC)
	}
	free()
	if err := Append(journal, Record{Pid: 17}); err != nil {
		t.Fatal(err)
	}
	j, err := ReadJournal(journal.Name())
	if err != nil || !j.whole || j.Task == nil || len(j.Pids) != 1 || j.End != nil {
		t.Errorf("journal = %+v, %v; want the task and one process id, whole", j, err)
	}
}

func TestAnEndWaitsForRoomOnTheDisk(t *testing.T) {
	journal, free := fullDisk(t)
	tries := 0
	err := appendWhenRoom(journal, long, func() {
		if tries++; tries == 3 {
			free()
		}
	})
	j, readErr := ReadJournal(journal.Name())
	if err := errors.Join(err, readErr); err != nil || j.End == nil || j.End.Version != 7 || tries != 3 {
		t.Errorf("after %d tries the journal = %+v, %v; want the end", tries, j, err)
	}
	if journal.Close(); appendWhenRoom(journal, long, func() { time.Sleep(time.Millisecond) }) == nil {
		t.Error("appendWhenRoom to a closed file = nil, want an error at once")
	}
}
