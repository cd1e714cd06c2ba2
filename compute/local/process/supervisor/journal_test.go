//go:build unix

package supervisor

import (
	"os"
	"testing"
	"time"
)

func TestAJournalSaysWhatBecameOfATask(t *testing.T) {
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	full := `{"Task":{"ID":"t1"}}
{"Started":"2026-01-02T03:04:05Z"}
{"Pid":17}
{"End":{"State":"STOPPED","Version":3}}
`
	path := JournalPath(t.TempDir())
	// However much of it a crash leaves, it is read as far as it goes.
	for n := range len(full) + 1 {
		if err := os.WriteFile(path, []byte(full[:n]), 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := ReadJournal(path)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		wrong := (j.Task != nil) != (n >= 21) || j.Started.Equal(started) != (n >= 56) ||
			(len(j.Pids) == 1) != (n >= 67) || (j.End != nil) != (n == len(full))
		if wrong {
			t.Errorf("%q is read as %+v", full[:n], j)
		}
	}
}

func TestAnEndIsAddedBehindACutLine(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(JournalPath(dir), []byte("{\"Task\":{\"ID\":\"t1\"}}\n{\"End\":{\"Sta"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := AppendEnd(dir, Status{State: stopped, Version: 9}); err != nil {
		t.Fatal(err)
	}
	j, err := ReadJournal(JournalPath(dir))
	if err != nil || j.Task == nil || j.End == nil || j.End.Version != 9 {
		t.Errorf("journal = %+v, %v", j, err)
	}
}
