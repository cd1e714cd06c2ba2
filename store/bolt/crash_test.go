package bolt_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/bolt"
)

// A record of the crash test is three items that one Write makes, another
// changes, and a third deletes. Each step is printed once it is acknowledged.
const (
	crashParts   = 3
	crashWriters = 12
	crashKeep    = 20 // records that each writer leaves before it deletes
)

const unlistedVariable = "PACKHORSE_BOLT_TEST_UNLISTED"

func crashOps(name, step string) []store.Op {
	var ops []store.Op
	for part := range crashParts {
		it := store.Item{
			Key:     store.Key{Partition: "record#" + name, Sort: fmt.Sprint(part)},
			Data:    []byte(step + strings.Repeat(".", 300*part)),
			Entries: []store.Entry{{Ordering: "step", Partition: step, Sort: name}},
			Expires: time.Unix(4e9, 0),
		}
		switch step {
		case "made":
			ops = append(ops, store.Put(it, store.IfAbsent()))
		case "changed":
			ops = append(ops, store.Put(it, store.IfVersion(1)))
		case "deleted":
			ops = append(ops, store.Delete(it.Key, store.IfVersion(2)))
		}
	}
	return ops
}

// writeUntilKilled is the process that is killed.
func writeUntilKilled(path string) int {
	table, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Getenv(unlistedVariable) != "" {
		table.ListAtMost(-1)
	}
	var printing sync.Mutex
	var wg sync.WaitGroup
	run := newID()
	for w := range crashWriters {
		wg.Go(func() {
			step := func(n int, step string) {
				name := fmt.Sprintf("%s-%d-%06d", run, w, n)
				if err := table.Write(context.Background(), crashOps(name, step)...); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				printing.Lock()
				defer printing.Unlock()
				fmt.Println(name, step)
			}
			for n := 0; ; n++ {
				step(n, "made")
				if n > 0 {
					step(n-1, "changed")
				}
				if n > crashKeep {
					step(n-crashKeep, "deleted")
				}
			}
		})
	}
	wg.Wait()
	return 0
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 6
	}
	path := filepath.Join(t.TempDir(), "packhorse.db")
	acknowledged := map[string]string{} // record -> its last step
	for round := range rounds {
		var env []string
		if round%2 == 1 {
			env = append(env, unlistedVariable+"=yes") // dies without its list of free pages
		}
		c := startChild(t, "write until killed", path, env...)
		for range rand.IntN(600) {
			note(acknowledged, c.line(t))
		}
		if err := c.Process.Kill(); err != nil { // SIGKILL
			t.Fatal(err)
		}
		for c.lines.Scan() { // what it printed before it died
			note(acknowledged, c.lines.Text())
		}
		c.Wait()
		checkRecords(t, path, acknowledged)
		if t.Failed() {
			t.Fatalf("failed in round %d", round)
		}
	}
	t.Logf("%d kills, %d records", rounds, len(acknowledged))
}

func note(acknowledged map[string]string, line string) {
	if name, step, ok := strings.Cut(line, " "); ok {
		acknowledged[name] = step
	}
}

// checkRecords opens the file, compares each record with what was acknowledged,
// and lets what was not be either done or not, but whole.
func checkRecords(t *testing.T, path string, acknowledged map[string]string) {
	t.Helper()
	table := openAt(t, path)
	defer table.Close()
	if err := table.Check(); err != nil {
		t.Errorf("the file is not consistent: %v", err)
	}
	following := map[string]string{"": "made", "made": "changed", "changed": "deleted", "deleted": "deleted"}
	inOrdering := recordsByOrdering(t, table)
	for name, last := range acknowledged {
		step := recordStep(t, table, name)
		if step != last && step != following[last] {
			t.Errorf("record %s is %q, but %q was acknowledged", name, step, last)
		}
		want := map[string]int{"made": crashParts, "changed": crashParts}[step]
		if got := inOrdering[name+" "+step]; got != want {
			t.Errorf("record %s is %q and stands %d times in that ordering, want %d", name, step, got, want)
		}
		acknowledged[name] = step // it is durable now
	}
	for record := range inOrdering {
		name, _, _ := strings.Cut(record, " ")
		recordStep(t, table, name)
	}
}

// recordStep returns the step that a record is at, and fails if its parts differ.
func recordStep(t *testing.T, table store.Table, name string) string {
	t.Helper()
	page, err := table.Query(t.Context(), store.Query{Partition: "record#" + name, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) == 0 {
		return "deleted" // or never made
	}
	steps := map[string]bool{}
	for _, it := range page.Items {
		steps[strings.TrimRight(string(it.Data), ".")] = true
	}
	if len(page.Items) != crashParts || len(steps) != 1 {
		t.Errorf("record %s has %d parts at steps %v, want %d at one", name, len(page.Items), steps, crashParts)
	}
	for step := range steps {
		return step
	}
	return ""
}

// recordsByOrdering counts the items of each record and step in the orderings.
func recordsByOrdering(t *testing.T, table store.Table) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, step := range []string{"made", "changed", "deleted"} {
		q := store.Query{Ordering: "step", Partition: step, Limit: store.MaxPage}
		for {
			page, err := table.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range page.Items {
				count[it.Entries[0].Sort+" "+step]++
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	}
	return count
}
