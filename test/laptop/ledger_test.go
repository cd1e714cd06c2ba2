//go:build unix

package laptop

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// entry is a line of the ledger.
type entry struct {
	what    string // start, end, or beside: an earlier attempt still lives
	job     string
	attempt int
	pid     int
	at      time.Time
	number  int // exit code of an end, process id of what is beside
	line    int // in the ledger, from 1
}

// readLedger reads all lines; none if there is no file yet.
func readLedger(t *testing.T, path string) []entry {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var all []entry
	for line := range strings.Lines(string(data)) {
		e := entry{line: len(all) + 1}
		var nanos int64
		if _, err := fmt.Sscanf(line, "%s %s %d %d %d %d\n", &e.what, &e.job, &e.attempt, &e.pid, &nanos, &e.number); err != nil {
			t.Fatalf("ledger line %d %q: %v", e.line, line, err)
		}
		e.at = time.Unix(0, nanos)
		all = append(all, e)
	}
	return all
}

// attempt is what the ledger knows of one attempt.
type attempt struct {
	number     int
	start, end *entry // end is nil if it did not live to note it
}

// attempts sorts a ledger by job, in the order in which attempts started, and reports
// what must never be: an attempt that started twice, or beside another of its job.
func attempts(t *testing.T, ledger []entry) map[string][]attempt {
	t.Helper()
	jobs := map[string][]attempt{}
	for i := range ledger {
		e := &ledger[i]
		known := jobs[e.job]
		switch e.what {
		case "start":
			for _, a := range known {
				switch {
				case a.number == e.attempt:
					t.Errorf("attempt %d of job %s was started twice: ledger lines %d and %d", e.attempt, e.job, a.start.line, e.line)
				case a.end == nil && endOf(ledger, *a.start) > e.line:
					t.Errorf("attempts %d and %d of job %s ran at the same time: ledger line %d", a.number, e.attempt, e.job, e.line)
				}
			}
			jobs[e.job] = append(known, attempt{number: e.attempt, start: e})
		case "end":
			found := false
			for j := range known {
				if a := &known[j]; a.number == e.attempt && a.start.pid == e.pid && a.end == nil {
					a.end, found = e, true
				}
			}
			if !found {
				t.Errorf("attempt %d of job %s ended without a start: ledger line %d", e.attempt, e.job, e.line)
			}
		case "beside":
			t.Errorf("process %d of an earlier attempt of job %s lived when attempt %d started: ledger line %d", e.number, e.job, e.attempt, e.line)
		}
	}
	return jobs
}

// endOf is the line at which a start ended; 0 if it never did.
func endOf(ledger []entry, start entry) int {
	for _, e := range ledger[start.line:] {
		if e.what == "end" && e.job == start.job && e.attempt == start.attempt && e.pid == start.pid {
			return e.line
		}
	}
	return 0
}
