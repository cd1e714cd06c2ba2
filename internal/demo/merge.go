package demo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Top is how many identifiers the report shows.
const Top = 20

// Merge is the task that adds up what the tasks of all shards counted.
type Merge struct {
	Results Results
	Shards  int
	Label   string // what was counted, for people
}

// Report is the result of the demo.
type Report struct {
	Label                         string
	Shards, Files, Lines          int
	Identifiers, Different, Bytes int
	Work                          time.Duration // of all shards together
	Took                          time.Duration // from the first's start to the last's end
	Top                           []Use
}

// Run writes the report, prints it, and removes the counts. When it is run again it
// prints the report that is there.
func (m Merge) Run(out io.Writer) error {
	if err := m.Results.check(); err != nil {
		return err
	}
	if m.Shards < 1 || m.Shards > MaxShards {
		return fmt.Errorf("--shards %d is not between 1 and %d", m.Shards, MaxShards)
	}
	var report Report
	found, err := read(m.Results.reportPath(), &report)
	if err != nil {
		return err
	}
	if !found {
		if report, err = m.add(); err != nil {
			return err
		}
		if err := writeWhole(m.Results.reportPath(), report); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(out, report.Text()); err != nil {
		return err
	}
	return m.clear()
}

// add reads the counts of all shards.
func (m Merge) add() (Report, error) {
	var all Tally
	var from, to time.Time
	r := Report{Label: m.Label, Shards: m.Shards}
	for shard := range m.Shards {
		path := m.Results.countsPath(shard, m.Shards)
		var one counted
		found, err := read(path, &one)
		if err != nil {
			return r, err
		}
		if !found {
			return r, fmt.Errorf("there is no %s: shard %d was not counted; run the count job of run %s to its end first", path, shard, m.Results.Run)
		}
		all.join(one.Tally)
		r.Work += one.To.Sub(one.From)
		if shard == 0 || one.From.Before(from) {
			from = one.From
		}
		if shard == 0 || one.To.After(to) {
			to = one.To
		}
	}
	r.Took = to.Sub(from)
	r.Files, r.Lines, r.Bytes = all.Files, all.Lines, all.Bytes
	r.Identifiers, r.Different, r.Top = all.Identifiers, len(all.Uses), all.top(Top)
	return r, nil
}

// clear removes the counts: they are megabytes, and the report says what matters.
func (m Merge) clear() error {
	var errs []error
	for shard := range m.Shards {
		if err := os.Remove(m.Results.countsPath(shard, m.Shards)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
