package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/bolt"
)

func numbered(n int) store.Item {
	return store.Item{Key: store.Key{Partition: "numbers", Sort: fmt.Sprintf("%06d", n)}, Data: fmt.Append(nil, "number ", n)}
}

// writeWhenTold is a process that has the file open and writes an item for each
// line that it reads.
func writeWhenTold(path string) int {
	table, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("open")
	lines := bufio.NewScanner(os.Stdin)
	for n := 0; lines.Scan(); n++ {
		fmt.Println("wrote", n, table.Write(context.Background(), store.Put(numbered(n), store.IfAbsent())))
	}
	if err := table.Close(); err != nil {
		return 1
	}
	return 0
}

func TestSecondProcessIsToldThatTheFileIsInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "packhorse.db")
	first := startChild(t, "write when told", path)
	if got := first.line(t); got != "open" {
		t.Fatal(got)
	}
	tell := func(want string) {
		t.Helper()
		fmt.Fprintln(first.in, "go")
		if got := first.line(t); got != want {
			t.Errorf("the first process says %q, want %q", got, want)
		}
	}
	tell("wrote 0 <nil>")

	start := time.Now()
	_, err := bolt.Open(path, bolt.Options{})
	if !errors.Is(err, bolt.ErrLocked) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "stop the other one") {
		t.Errorf("second Open = %v, want ErrLocked with the file's name and what to do", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("second Open took %v, want about a second", took)
	}
	tell("wrote 1 <nil>") // the first one goes on

	first.in.Close()
	if err := first.Wait(); err != nil {
		t.Fatal(err)
	}
	table := openAt(t, path)
	for n := range 2 {
		if _, err := table.Get(t.Context(), numbered(n).Key); err != nil {
			t.Errorf("Get(%v) after the first process ended = %v", numbered(n).Key, err)
		}
	}
}

func TestSecondOpenInOneProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "packhorse.db")
	table := openAt(t, path)
	if _, err := bolt.Open(path, bolt.Options{LockTimeout: time.Millisecond}); !errors.Is(err, bolt.ErrLocked) {
		t.Errorf("second Open = %v, want ErrLocked", err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, path)
}
