package store

import (
	"slices"
	"strings"
	"sync"

	"github.com/packhorse-batch/packhorse/batch"
)

// lines keep, for Records that are alone with their table (Options.Alone), who stands at the
// front of each queue and share. A pass looks at dozens of jobs of which mostly one has come
// or gone since the last: what is written takes its place here, and is not read again.
//
// Each line is the first part of what OrderReady has of its partition, with no gap. What is
// written behind its end is left out, and read when the line has become too short.
type lines struct {
	mu     sync.Mutex
	known  map[string]*line  // by partition
	stands map[string]*stand // by job
	count  int               // of stands since known began
}

type line struct {
	stands []*stand // in the order of dispatch
	// more says that others may follow.
	more bool
}

// stand is a job in a line.
type stand struct {
	in   *line
	sort string // its place there
	job  *batch.Job
}

// Bounds of what is kept of lines.
const (
	// maxLine is from which length on a line is cut, to half of it: above twice what a pass
	// looks at.
	maxLine = 4000
	// maxStands is how many jobs take a place before all is read anew. There may be any
	// number of shares, of which each has a line.
	maxStands = 20_000
	// spare is how many jobs more than are asked for are read at the least, since those in
	// front go first.
	spare = 100
)

// front returns the first jobs of a partition, limit at most. read reads up to limit of it
// behind a place.
func (l *lines) front(partition string, limit int, read func(behind string, limit int) ([]stand, error)) ([]*batch.Job, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || l.count > maxStands {
		l.known, l.stands, l.count = map[string]*line{}, map[string]*stand{}, 0
	}
	in := l.known[partition]
	if in == nil {
		in = &line{more: true}
		l.known[partition] = in
	}
	if in.more && len(in.stands) < limit {
		behind := ""
		if last := len(in.stands) - 1; last >= 0 {
			behind = in.stands[last].sort
		}
		want := limit - len(in.stands) + max(limit, spare)
		found, err := read(behind, want)
		if err != nil {
			return nil, err
		}
		in.more = len(found) == want
		for i := range found {
			if l.younger(found[i].job) {
				l.enter(in, len(in.stands), &found[i])
			}
		}
	}
	jobs := make([]*batch.Job, min(limit, len(in.stands)))
	for i := range jobs {
		jobs[i] = in.stands[i].job
	}
	return jobs, nil
}

// younger reports whether a job is not known as it is or as it became later.
func (l *lines) younger(j *batch.Job) bool {
	s := l.stands[j.ID]
	return s == nil || s.job.Version < j.Version
}

// enter lets a job stand in a line.
func (l *lines) enter(in *line, at int, s *stand) {
	l.leave(s.job.ID)
	s.in = in
	l.count++
	l.stands[s.job.ID] = s
	in.stands = slices.Insert(in.stands, min(at, len(in.stands)), s)
}

// cut shortens a line that has become too long.
func (l *lines) cut(in *line) {
	if len(in.stands) <= maxLine {
		return
	}
	for _, s := range in.stands[maxLine/2:] {
		delete(l.stands, s.job.ID)
	}
	clear(in.stands[maxLine/2:])
	in.stands, in.more = in.stands[:maxLine/2], true
}

// leave takes a job out of its line.
func (l *lines) leave(id string) {
	s := l.stands[id]
	if s == nil {
		return
	}
	delete(l.stands, id)
	if at, ok := slices.BinarySearchFunc(s.in.stands, s.sort, byPlace); ok {
		s.in.stands = slices.Delete(s.in.stands, at, at+1)
	}
}

func byPlace(s *stand, place string) int { return strings.Compare(s.sort, place) }

// wrote puts a job where it stands now, by the entries of its record.
func (l *lines) wrote(j *batch.Job, entries []Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || !l.younger(j) {
		return
	}
	l.leave(j.ID)
	for i := range entries {
		if entries[i].Ordering != OrderReady {
			continue
		}
		in := l.known[entries[i].Partition]
		if in == nil {
			return
		}
		at, _ := slices.BinarySearchFunc(in.stands, entries[i].Sort, byPlace)
		if at < len(in.stands) || !in.more {
			l.enter(in, at, &stand{sort: entries[i].Sort, job: j})
			l.cut(in)
		}
	}
}

// removed takes out a job that has no record any more.
func (l *lines) removed(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave(id)
}

// forget lets all be read again: what is stored is not known.
func (l *lines) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = nil
}
