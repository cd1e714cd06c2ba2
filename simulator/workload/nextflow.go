package workload

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// readNextflow reads the trace file of a Nextflow run, whose header is the present line.
//
// The columns are those of the trace.fields setting (Nextflow documentation, "Trace
// file"). By default values are written for people ("1h 2m 3s", "6 GB" of 1024 MB,
// "2026-01-02 03:04:05.678"); with trace.raw they are milliseconds and bytes. Both are
// read. What a task asked for is in the columns cpus and memory, which the default
// lacks: then %cpu and peak_rss, what it used, stand in for them.
func readNextflow(in *input) (lines []line, notes []string, err error) {
	names := strings.Split(in.text, "\t")
	at := map[string]int{}
	for i, name := range names {
		name = strings.TrimSpace(name)
		if _, twice := at[name]; twice {
			return nil, nil, in.wrong(name, "leave one out", "the column is there twice")
		}
		at[name] = i
	}
	if _, ok := at["job_id"]; ok {
		return nil, nil, in.wrong("", "separate them by commas", "the columns of this CSV file are separated by tabs")
	}
	const next = "run Nextflow with -with-trace and trace.fields = 'task_id,name,status,submit,duration,realtime,cpus,memory'"
	for _, either := range [][]string{{"task_id"}, {"submit"}, {"realtime", "duration"}, {"cpus", "%cpu"}, {"memory", "peak_rss", "rss"}} {
		if !slices.ContainsFunc(either, func(name string) bool { _, ok := at[name]; return ok }) {
			return nil, nil, in.wrong(either[0], next, "the column is missing")
		}
	}
	cached, never, failed, used, guessed, usedMemory := 0, 0, 0, 0, 0, 0
	for in.next() {
		if err := in.enough(lines); err != nil {
			return nil, nil, err
		}
		cells := strings.Split(in.text, "\t")
		if len(cells) != len(names) {
			return nil, nil, in.wrong("", "give one value for each column of the header", "%d values for %d columns", len(cells), len(names))
		}
		// cell is the first of the columns that has a value.
		cell := func(columns ...string) (column, text string) {
			for _, c := range columns {
				if i, ok := at[c]; ok {
					if text := strings.TrimSpace(cells[i]); text != "" && text != "-" {
						return c, text
					}
				}
			}
			return columns[0], ""
		}
		_, status := cell("status")
		if status == "CACHED" {
			cached++
			continue
		}
		l := line{number: in.number}
		_, id := cell("task_id")
		if l.ID = strings.Clone(id); id == "" {
			return nil, nil, in.wrong("task_id", "give each task an id of its own", "it is empty")
		}
		column, text := cell("realtime", "duration")
		_, submitted := cell("submit")
		if text == "" || submitted == "" {
			never++
			continue
		}
		if l.Duration, err = in.span(column, text); err != nil {
			return nil, nil, err
		}
		if l.Arrival, err = in.moment("submit", submitted); err != nil {
			return nil, nil, err
		}
		if _, process := cell("process", "name"); process != "" {
			process, _, _ = strings.Cut(process, " (") // what is in brackets is the task's tag
			l.Definition = in.shared(definitionOf(process))
		}
		vcpus := 1.0
		if _, text := cell("cpus"); text != "" {
			if vcpus, err = in.numberIn("cpus", text, 0.001, maxVCPUs); err != nil {
				return nil, nil, err
			}
		} else if _, text := cell("%cpu"); text != "" {
			used++
			percent, err := in.numberIn("%cpu", strings.TrimSuffix(text, "%"), 0, 100*maxVCPUs)
			if err != nil {
				return nil, nil, err
			}
			vcpus = max(1, math.Ceil(percent/100))
		} else {
			guessed++
		}
		column, text = cell("memory", "peak_rss", "rss")
		mib := float64(nextflowMiB)
		if text != "" {
			if mib, err = in.memory(column, text); err != nil {
				return nil, nil, err
			}
		}
		if column != "memory" || text == "" {
			usedMemory++
		}
		l.Need = batch.Resources{MilliVCPU: int64(math.Ceil(vcpus * 1000)), MemoryMiB: max(1, int64(math.Ceil(mib)))}
		if status == "FAILED" || status == "ABORTED" {
			failed++
		}
		lines = append(lines, l)
	}
	note := func(n int, format string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf(format, n))
		}
	}
	note(cached, "%d tasks were CACHED and are left out")
	note(never, "%d tasks have no run time and are left out")
	note(failed, "%d tasks FAILED or were ABORTED; they ran, so they are jobs like the others")
	note(guessed, "%d tasks say neither what vCPUs they asked for nor what they used: 1 is taken")
	note(used, "%d tasks do not say what they asked for: vCPUs are what they used (%%cpu), rounded up")
	note(usedMemory, "%d tasks do not say what they asked for: memory is what they used (peak_rss), else 1024 MiB")
	return lines, notes, nil
}

// definitionOf is the name of a job definition for a process: "NFCORE:ALIGN" is its path.
func definitionOf(process string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '_'
	}, process)
	const most = 100
	if len(name) > most {
		name = name[len(name)-most:] // its end says most
	}
	return strings.TrimLeft(name, "-_")
}

// nextflowMiB is the memory of a task that tells nothing of it.
const nextflowMiB = 1024

// span reads a duration: "1h 2m 3.5s", "250ms", or milliseconds.
func (in *input) span(column, text string) (time.Duration, error) {
	if ms, err := strconv.ParseFloat(text, 64); err == nil {
		if !(ms >= 0 && ms <= maxSeconds*1000) { // NaN is not in it either
			return 0, in.wrong(column, "give milliseconds", "%s is out of range", text)
		}
		return seconds(ms / 1000), nil
	}
	var sum float64
	for _, part := range strings.Fields(text) {
		unit := strings.TrimLeft(part, "0123456789.")
		n, err := strconv.ParseFloat(strings.TrimSuffix(part, unit), 64)
		scale, ok := map[string]float64{"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}[unit]
		if err != nil || !ok {
			return 0, in.wrong(column, `write it as "1h 2m 3s", "250ms" or in milliseconds`, "%q is not a duration", text)
		}
		sum += n * scale
	}
	if sum > maxSeconds {
		return 0, in.wrong(column, "give less than a century", "%s is too long", text)
	}
	return seconds(sum), nil
}

// moment reads a time: "2026-01-02 03:04:05.678" or milliseconds since 1970. It is
// returned as a distance from 1970.
func (in *input) moment(column, text string) (time.Duration, error) {
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil && ms >= 0 && ms < math.MaxInt64/int64(time.Millisecond) {
		return time.Duration(ms) * time.Millisecond, nil
	}
	t, err := time.Parse("2006-01-02 15:04:05.999", text)
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return 0, in.wrong(column, `write it as "2026-01-02 03:04:05.678" or in milliseconds since 1970`, "%q is not a time", text)
	}
	return time.Duration(t.UnixMilli()) * time.Millisecond, nil
}

// memory reads an amount in MiB: "6 GB" (Nextflow counts 1024 MB), "512 MB", or bytes.
func (in *input) memory(column, text string) (float64, error) {
	digits := strings.TrimLeft(text, "0123456789.")
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, digits), 64)
	scale, ok := map[string]float64{
		"": 1.0 / (1 << 20), "B": 1.0 / (1 << 20), "KB": 1.0 / 1024, "MB": 1, "GB": 1024, "TB": 1 << 20,
	}[strings.ToUpper(strings.TrimSpace(digits))]
	if err != nil || !ok || n*scale > maxMemoryMiB {
		return 0, in.wrong(column, `write it as "6 GB", "512 MB" or in bytes`, "%q is not an amount of memory", text)
	}
	return n * scale, nil
}
