package logs

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"time"

	"github.com/packhorse-batch/packhorse/logs/logfile"
)

const (
	// maxScanBytes bounds what one page of Filter reads past in bytes of messages.
	// A page that comes to it is short, or empty, and has a token, as CloudWatch's are.
	maxScanBytes = 64 << 20
	// The streams that are merged read ahead this much together, within these
	// bounds each, all in bytes.
	mergeBuffer    = 8 << 20
	minReadAhead   = 4 << 10
	maxReadAhead   = 256 << 10
	checkEvery     = 1 << 10 // events between two looks at the context
	eventIDPattern = "%014d%020d%022d"
	// clockSlack is how far a file's time may lie before the event that was written
	// to it last: file systems take theirs from a clock that ticks seldom.
	clockSlack = time.Second
)

// FilterQuery asks for events of many streams, as FilterLogEvents does.
type FilterQuery struct {
	Streams []string // exactly these, or, if there are none,
	Prefix  string   // those whose names begin so
	// Start and End bound the events in milliseconds since 1970; 0 is no bound.
	// Unlike in [EventsQuery] an event at End is inside: so it is in CloudWatch.
	Start, End int64
	Pattern    string // terms, "phrases", ?any, -none, %regexp%; empty is all
	Limit      int    // 1 to 10,000 events; 0 is 10,000
	Token      string // Next of the page before
}

// FilteredEvent is an event of one of several streams.
type FilteredEvent struct {
	Event
	Stream string
	// ID is the same in every answer, different for each event of a group, and as
	// CloudWatch's 56 digits.
	ID string
}

// FilterPage is a page of events in order of time, then stream. Next is empty on
// the last one; a page may be empty and yet have one.
type FilterPage struct {
	Events []FilteredEvent
	Next   string
}

// Filter returns one page of the events of a group that match. It fails with
// ErrNoGroup, ErrNoStream, ErrToken or a *PatternError.
func (s *Store) Filter(ctx context.Context, group string, q FilterQuery) (FilterPage, error) {
	wanted, err := parsePattern(q.Pattern)
	if err != nil {
		return FilterPage{}, err
	}
	after, err := parseListToken(q.Token)
	if err != nil {
		return FilterPage{}, err
	}
	files, err := s.filterFiles(group, q)
	if err != nil {
		return FilterPage{}, err
	}
	m := merge{start: time.UnixMilli(q.Start), end: q.End}
	if q.Token != "" {
		m.after = &after
	}
	if err := m.open(ctx, files); err != nil {
		return FilterPage{}, fmt.Errorf("log group %q: %w", group, err)
	}
	page, err := m.page(ctx, wanted, newRoom(q.Limit))
	if err != nil {
		return FilterPage{}, fmt.Errorf("log group %q: %w", group, err)
	}
	return page, nil
}

// filterFiles are the streams that a query is about.
func (s *Store) filterFiles(group string, q FilterQuery) ([]streamFile, error) {
	if len(q.Streams) == 0 {
		return s.streamFiles(group, q.Prefix)
	}
	var files []streamFile
	for _, name := range q.Streams {
		path, err := logfile.Path(s.dir, group, name)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(path); err != nil {
			return nil, s.missing(group, name, err)
		}
		files = append(files, streamFile{name: name, path: path})
	}
	return files, nil
}

// merge is a heap of streams by the place of their next events. It keeps no file
// open, so that there may be any number of streams.
type merge struct {
	start   time.Time
	end     int64      // milliseconds since 1970, inside; 0 is none
	after   *listToken // only what comes after this place
	cursors []*cursor
}

// cursor is a place in one stream, and what was read ahead of it.
type cursor struct {
	streamFile
	next  int64 // offset to read from when ahead is used up
	ahead []entry
}

func (c *cursor) place() listToken {
	e := c.ahead[0]
	return listToken{at: e.at.UnixNano(), name: c.name, offset: e.from}
}

func (m *merge) Len() int { return len(m.cursors) }
func (m *merge) Less(i, j int) bool {
	return m.cursors[i].place().compare(m.cursors[j].place()) < 0
}
func (m *merge) Swap(i, j int) { m.cursors[i], m.cursors[j] = m.cursors[j], m.cursors[i] }
func (m *merge) Push(c any)    { m.cursors = append(m.cursors, c.(*cursor)) }
func (m *merge) Pop() any {
	last := m.cursors[len(m.cursors)-1]
	m.cursors = m.cursors[:len(m.cursors)-1]
	return last
}

// open places a cursor in each file that has events for the query.
func (m *merge) open(ctx context.Context, files []streamFile) error {
	from := m.start
	if m.after != nil && time.Unix(0, m.after.at).After(from) {
		from = time.Unix(0, m.after.at)
	}
	readAhead := mergeBuffer / max(1, len(files))
	readAhead = min(max(readAhead, minReadAhead), maxReadAhead)
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		c := &cursor{streamFile: f}
		if err := c.seek(from); err != nil {
			return err
		}
		if err := m.fill(c, readAhead); err != nil {
			return err
		}
		if len(c.ahead) > 0 {
			m.cursors = append(m.cursors, c)
		}
	}
	heap.Init(m)
	return nil
}

// seek places the cursor at the first event not before t. A file that was last
// written before t has none: no event is later than its writing.
func (c *cursor) seek(t time.Time) error {
	info, err := os.Stat(c.path)
	if err != nil {
		return ignoreMissing(err)
	}
	if info.ModTime().Add(clockSlack).Before(t) {
		c.next = info.Size()
		return nil
	}
	r, err := openReader(c.path)
	if err != nil {
		return ignoreMissing(err)
	}
	defer r.close()
	c.next, err = r.seek(t)
	return err
}

// fill reads ahead of the cursor, about so many bytes; nothing at the end.
func (m *merge) fill(c *cursor, bytes int) error {
	c.ahead = c.ahead[:0]
	r, err := openReader(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.close()
	from := c.next
	return r.forward(from, r.end, minReadAhead, func(e entry) bool {
		if m.end > 0 && e.at.UnixMilli() > m.end {
			c.next = r.end
			return false
		}
		c.next = e.to
		place := listToken{at: e.at.UnixNano(), name: c.name, offset: e.from}
		if m.after == nil || place.compare(*m.after) > 0 {
			c.ahead = append(c.ahead, e)
		}
		return len(c.ahead) == 0 || e.to-from < int64(bytes)
	})
}

// page takes events off the heap until the page is full or all are seen.
func (m *merge) page(ctx context.Context, wanted *pattern, room *room) (FilterPage, error) {
	var page FilterPage
	scanned, looks := 0, 0
	readAhead := min(max(mergeBuffer/max(1, len(m.cursors)), minReadAhead), maxReadAhead)
	for len(m.cursors) > 0 {
		if looks++; looks%checkEvery == 0 && ctx.Err() != nil {
			return FilterPage{}, ctx.Err()
		}
		c := m.cursors[0]
		e := c.ahead[0]
		if wanted.matches(e.message) {
			if !room.take(len(e.message)) {
				page.Next = m.after.String()
				return page, nil
			}
			page.Events = append(page.Events, filtered(c.name, e))
		}
		place := c.place()
		m.after = &place
		if scanned += int(e.to - e.from); scanned > maxScanBytes {
			page.Next = m.after.String()
			return page, nil
		}
		if c.ahead = c.ahead[1:]; len(c.ahead) == 0 {
			if err := m.fill(c, readAhead); err != nil {
				return FilterPage{}, err
			}
		}
		if len(c.ahead) == 0 {
			heap.Pop(m)
		} else {
			heap.Fix(m, 0)
		}
	}
	return page, nil
}

func filtered(stream string, e entry) FilteredEvent {
	sum := fnv.New64a()
	sum.Write([]byte(stream))
	return FilteredEvent{
		Event:  Event{At: e.at, Ingested: e.at, Message: e.message},
		Stream: stream,
		ID:     fmt.Sprintf(eventIDPattern, e.at.UnixMilli(), sum.Sum64(), e.from),
	}
}
