package workload

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/packhorse-batch/packhorse/batch"
)

// Job is one job of a workload.
type Job struct {
	ID string
	// Arrival is when it is submitted, from the first arrival of the workload.
	Arrival time.Duration
	// Duration is how long it runs once it has started, wherever that is.
	Duration time.Duration
	// Need is what it asks for. The vCPUs may be a fraction.
	Need  batch.Resources
	Queue string // DefaultQueue where the file does not say
	// Definition is the kind of work, of which run times are learned; may be empty.
	Definition string
	// Share and Priority make its queue a fair-share queue.
	Share    string
	Priority int32
	// After are the jobs that it waits for, as indexes into Workload.Jobs: all before it.
	After []int32
}

// DefaultQueue is the queue of jobs whose file names none.
const DefaultQueue = "default"

// Workload is what a file says.
type Workload struct {
	Name string // of the file, without its folder
	// Jobs in the order of their arrival. The first arrives at 0.
	Jobs []Job
	// Notes tell what was read otherwise than a reader of the file may expect.
	Notes []string
}

// Error is what is wrong with a file, and what to do about it.
type Error struct {
	File    string
	Line    int    // 0: the file as a whole
	Column  string // its name; empty: the line as a whole
	Problem string
	Next    string
}

func (e *Error) Error() string {
	text := e.File
	if e.Line > 0 {
		text += fmt.Sprintf(", line %d", e.Line)
	}
	if e.Column != "" {
		text += ", column " + plain(e.Column)
	}
	return text + ": " + e.Problem + "; " + e.Next
}

// maxColumn is how much of a column's name an error shows.
const maxColumn = 80

// plain is a column's name as a terminal may show it: what a file that is no CSV file has in
// its first line may be long, and anything.
func plain(column string) string {
	column = strings.ToValidUTF8(column, "?")
	if letters := []rune(column); len(letters) > maxColumn {
		column = string(letters[:maxColumn]) + "..."
	}
	if strings.ContainsFunc(column, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(column)
	}
	return column
}

// Bounds of what a file may say. They are far above what AWS has, and keep sums of
// many jobs far below what 64 bits hold.
const (
	maxJobs      = 10_000_000
	maxSeconds   = 100 * 365 * 24 * 3600 // a century
	maxVCPUs     = 1 << 20
	maxMemoryMiB = 1 << 30 // a PiB
	maxGPUs      = 1 << 16
	// maxAfter is how many jobs one may depend on (AWS Batch, SubmitJob).
	maxAfter = 20
)

// line is a job together with where it stands and the names of what it waits for.
type line struct {
	Job
	number int
	after  []string
}

// finish orders the jobs, lets the first arrive at 0 and finds what each waits for.
func finish(file string, lines []line, notes []string) (*Workload, error) {
	if len(lines) == 0 {
		return nil, &Error{File: file, Problem: "there is no job in it", Next: "give at least one"}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.Arrival, b.Arrival) })
	first := lines[0].Arrival
	w := &Workload{Name: file, Jobs: make([]Job, len(lines)), Notes: notes}
	at := make(map[string]int32, len(lines))
	for i := range lines {
		l := &lines[i]
		if before, known := at[l.ID]; known {
			return nil, &Error{File: file, Line: l.number, Column: "job_id",
				Problem: fmt.Sprintf("%q is the id of line %d as well", l.ID, lines[before].number), Next: "give each job an id of its own"}
		}
		at[l.ID] = int32(i)
		l.Arrival -= first
		l.Queue = cmp.Or(l.Queue, DefaultQueue)
		w.Jobs[i] = l.Job
	}
	for i := range lines {
		for _, id := range lines[i].after {
			on, known := at[id]
			if !known {
				return nil, &Error{File: file, Line: lines[i].number, Column: "depends_on",
					Problem: fmt.Sprintf("there is no job %q", id), Next: "name jobs of this file by their job_id, separated by spaces"}
			}
			if on >= int32(i) {
				return nil, &Error{File: file, Line: lines[i].number, Column: "depends_on",
					Problem: fmt.Sprintf("job %q is submitted later, or is the same job", id), Next: "let a job arrive after those that it waits for"}
			}
			w.Jobs[i].After = append(w.Jobs[i].After, on)
		}
	}
	return w, nil
}

// Span is from the first arrival to the last.
func (w *Workload) Span() time.Duration { return w.Jobs[len(w.Jobs)-1].Arrival }

// Queues returns the names of the queues, in order.
func (w *Workload) Queues() []string {
	names := map[string]bool{}
	var list []string
	for i := range w.Jobs {
		if q := w.Jobs[i].Queue; !names[q] {
			names[q] = true
			list = append(list, q)
		}
	}
	slices.Sort(list)
	return list
}
