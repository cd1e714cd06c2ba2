package logs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The most that one page of events holds: CloudWatch's limits, which are also its
// defaults. A page holds at least one event if there is one.
const (
	maxPageEvents = 10_000
	maxPageBytes  = 1 << 20
)

// Event is one line of a stream.
type Event struct {
	At       time.Time
	Ingested time.Time // when CloudWatch would have received it; here, At
	Message  string
}

// EventsQuery asks for the events of one stream, as GetLogEvents does.
type EventsQuery struct {
	// Start and End bound the events in milliseconds since 1970; 0 is no bound. An
	// event at Start is inside, one at End is not.
	Start, End int64
	// FromHead gives the first page first. Otherwise the first page is the last
	// one, its events still in order.
	FromHead bool
	Limit    int    // 1 to 10,000 events; 0 is 10,000
	Token    string // Forward or Backward of an earlier page; it wins over FromHead
}

// EventsPage is a page of events in order of time, and the tokens of the pages
// after and before it. A page at the end of the stream is empty and returns the
// token that asked for it; that token finds what is written later.
type EventsPage struct {
	Events   []Event
	Forward  string
	Backward string
}

// Events returns one page of a stream. It fails with ErrNoGroup, ErrNoStream or
// ErrToken.
func (s *Store) Events(ctx context.Context, group, stream string, q EventsQuery) (EventsPage, error) {
	if err := ctx.Err(); err != nil {
		return EventsPage{}, err
	}
	r, err := s.reader(group, stream)
	if err != nil {
		return EventsPage{}, err
	}
	defer r.close()
	page, err := r.page(q)
	if err != nil {
		return EventsPage{}, fmt.Errorf("log stream %q of group %q: %w", stream, group, err)
	}
	return page, nil
}

func (r *reader) page(q EventsQuery) (EventsPage, error) {
	low, high, err := r.window(q.Start, q.End)
	if err != nil {
		return EventsPage{}, err
	}
	ahead := q.FromHead
	if q.Token != "" {
		var offset int64
		if ahead, offset, err = parseToken(q.Token); err != nil {
			return EventsPage{}, err
		}
		if offset = min(offset, r.end); !r.atLine(offset) {
			return EventsPage{}, ErrToken
		}
		if ahead {
			low = max(low, offset)
		} else {
			high = min(high, offset)
		}
	}
	room := newRoom(q.Limit)
	var found []entry
	take := func(e entry) bool {
		if !room.take(len(e.message)) {
			return false
		}
		found = append(found, e)
		return true
	}
	if ahead {
		err = r.forward(low, high, 64<<10, take)
	} else {
		err = r.backward(low, high, take)
		slices.Reverse(found)
	}
	if err != nil {
		return EventsPage{}, err
	}
	return newPage(found, q.Token, ahead, low, high), nil
}

// newPage makes a page of what was found between low and high.
func newPage(found []entry, sent string, ahead bool, low, high int64) EventsPage {
	if len(found) == 0 {
		here := high
		if ahead {
			here = low
		}
		page := EventsPage{Forward: token('f', here), Backward: token('b', here)}
		if sent != "" && ahead {
			page.Forward = sent
		} else if sent != "" {
			page.Backward = sent
		}
		return page
	}
	page := EventsPage{
		Events:   make([]Event, len(found)),
		Forward:  token('f', found[len(found)-1].to),
		Backward: token('b', found[0].from),
	}
	for i, e := range found {
		page.Events[i] = Event{At: e.at, Ingested: e.at, Message: e.message}
	}
	return page
}

// A token is a direction and the offset of a line, "f/0000000000000004711": it
// stays good while the stream grows.
func token(direction byte, offset int64) string {
	return fmt.Sprintf("%c/%020d", direction, offset)
}

func parseToken(token string) (ahead bool, offset int64, err error) {
	direction, digits, ok := strings.Cut(token, "/")
	if !ok || (direction != "f" && direction != "b") {
		return false, 0, ErrToken
	}
	offset, err = strconv.ParseInt(digits, 10, 64)
	if err != nil || offset < 0 {
		return false, 0, ErrToken
	}
	return direction == "f", offset, nil
}

// room is what is left of a page.
type room struct {
	events, bytes int
	empty         bool
}

func newRoom(limit int) *room {
	if limit <= 0 || limit > maxPageEvents {
		limit = maxPageEvents
	}
	return &room{events: limit, bytes: maxPageBytes, empty: true}
}

// take reports whether one more message of n bytes fits, and takes its room.
func (r *room) take(n int) bool {
	if r.events == 0 || (n > r.bytes && !r.empty) {
		return false
	}
	r.events--
	r.bytes -= n
	r.empty = false
	return true
}
