package logs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/logs"
)

const group = "/aws/batch/job"

// noon is when the events of these tests begin.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func open(t *testing.T) (*logs.Store, string) {
	t.Helper()
	dir := t.TempDir()
	store, err := logs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return store, dir
}

// write appends messages to a stream, one a second from noon plus after.
func write(t *testing.T, store *logs.Store, stream string, after time.Duration, messages ...string) {
	t.Helper()
	w, err := store.Writer(group, stream)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i, m := range messages {
		if err := w.Append(noon.Add(after+time.Duration(i)*time.Second), []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
}

func numbered(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d", i)
	}
	return lines
}

func events(t *testing.T, store *logs.Store, stream string, q logs.EventsQuery) logs.EventsPage {
	t.Helper()
	page, err := store.Events(t.Context(), group, stream, q)
	if err != nil {
		t.Fatalf("Events(%q, %+v) = %v", stream, q, err)
	}
	return page
}

func messages(page logs.EventsPage) []string {
	var all []string
	for _, e := range page.Events {
		all = append(all, e.Message)
	}
	return all
}

func wantMessages(t *testing.T, what string, page logs.EventsPage, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, messages(page)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestWhatIsAppendedIsRead(t *testing.T) {
	tests := map[string]struct {
		append []string
		want   []string
	}{
		"plain lines":                         {[]string{"a", "b"}, []string{"a", "b"}},
		"a newline at the end is no part":     {[]string{"a\n", "b\n"}, []string{"a", "b"}},
		"only one newline is taken off":       {[]string{"a\n\n"}, []string{"a\n"}},
		"newlines inside stay":                {[]string{"one\ntwo"}, []string{"one\ntwo"}},
		"an empty line":                       {[]string{""}, []string{""}},
		"what looks like a quoted line":       {[]string{`"quoted \n`}, []string{`"quoted \n`}},
		"a carriage return":                   {[]string{"10%\r20%\r\n"}, []string{"10%\r20%\r"}},
		"bytes that are no text":              {[]string{"a\xff\xfeb\x00"}, []string{"a\uFFFDb\x00"}},
		"a message of exactly 256 KiB":        {[]string{strings.Repeat("x", logs.MaxMessage)}, []string{strings.Repeat("x", logs.MaxMessage)}},
		"a longer one is split":               {[]string{strings.Repeat("x", logs.MaxMessage) + "tail"}, []string{strings.Repeat("x", logs.MaxMessage), "tail"}},
		"but not within a character of UTF-8": {[]string{strings.Repeat("x", logs.MaxMessage-1) + "é"}, []string{strings.Repeat("x", logs.MaxMessage-1), "é"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			store, _ := open(t)
			write(t, store, "s", 0, test.append...)
			wantMessages(t, "forward", events(t, store, "s", logs.EventsQuery{FromHead: true}), test.want...)
			wantMessages(t, "backward", events(t, store, "s", logs.EventsQuery{}), test.want...)
		})
	}
}

func TestAppendLinesMakesAnEventOfEachLine(t *testing.T) {
	store, _ := open(t)
	w, _ := store.Writer(group, "s")
	defer w.Close()
	if err := w.AppendLines(noon, []byte("a\n\nb\nno newline")); err != nil {
		t.Fatal(err)
	}
	wantMessages(t, "Events", events(t, store, "s", logs.EventsQuery{}), "a", "", "b", "no newline")
}

func TestTheFileIsForPeople(t *testing.T) {
	store, dir := open(t)
	write(t, store, "sleeper/default/0123", 0, "hello", "two\nlines")
	got, err := os.ReadFile(filepath.Join(dir, "+aws+batch+job", "sleeper+default+0123.log"))
	if err != nil {
		t.Fatal(err)
	}
	want := "2026-01-02T12:00:00.000000000Z hello\n" +
		"2026-01-02T12:00:01.000000000Z\"two\\nlines\"\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

func TestTimesKeepNanosecondsAndNeverFall(t *testing.T) {
	store, _ := open(t)
	w, _ := store.Writer(group, "s")
	defer w.Close()
	exact := noon.Add(123456789)
	for _, at := range []time.Time{exact, noon, exact.Add(time.Hour)} {
		if err := w.Append(at, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	var got []time.Time
	for _, e := range events(t, store, "s", logs.EventsQuery{}).Events {
		got = append(got, e.At)
	}
	if diff := cmp.Diff([]time.Time{exact, exact, exact.Add(time.Hour)}, got); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
}

func TestAWriterResumes(t *testing.T) {
	store, _ := open(t)
	w, _ := store.Writer(group, "s")
	if !w.Last().IsZero() {
		t.Errorf("Last of a new stream = %v, want zero", w.Last())
	}
	w.Close()
	write(t, store, "s", 5*time.Second, "a", strings.Repeat("long ", 10_000))
	w, _ = store.Writer(group, "s")
	defer w.Close()
	if want := noon.Add(6 * time.Second); !w.Last().Equal(want) {
		t.Errorf("Last = %v, want %v", w.Last(), want)
	}
}

func TestATornLastLineIsNoEvent(t *testing.T) {
	for _, torn := range []string{"2026", "2026-01-02T12:00:09.000000000Z half a li", "2026-01-02T12:00:09.000000000Z\"quo"} {
		t.Run(torn, func(t *testing.T) {
			store, dir := open(t)
			write(t, store, "s", 0, "whole")
			path := filepath.Join(dir, "+aws+batch+job", "s.log")
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			f.WriteString(torn)
			f.Close()

			page := events(t, store, "s", logs.EventsQuery{FromHead: true})
			wantMessages(t, "before the next append", page, "whole")
			write(t, store, "s", time.Minute, "next")
			wantMessages(t, "after it", events(t, store, "s", logs.EventsQuery{}), "whole", "next")
			wantMessages(t, "with the token from before",
				events(t, store, "s", logs.EventsQuery{Token: page.Forward}), "next")
		})
	}
}

func TestReadingForward(t *testing.T) {
	store, _ := open(t)
	write(t, store, "s", 0, numbered(5)...)
	page := events(t, store, "s", logs.EventsQuery{FromHead: true, Limit: 2})
	wantMessages(t, "first page", page, "line 0", "line 1")
	page = events(t, store, "s", logs.EventsQuery{Limit: 2, Token: page.Forward})
	wantMessages(t, "second page", page, "line 2", "line 3")
	back := events(t, store, "s", logs.EventsQuery{Limit: 10, Token: page.Backward})
	wantMessages(t, "back from the second page", back, "line 0", "line 1")
	page = events(t, store, "s", logs.EventsQuery{Limit: 2, Token: page.Forward})
	wantMessages(t, "third page", page, "line 4")
	sent := page.Forward
	page = events(t, store, "s", logs.EventsQuery{Token: sent})
	wantMessages(t, "at the end", page)
	if page.Forward != sent {
		t.Errorf("Forward at the end = %q, want the token that was sent, %q", page.Forward, sent)
	}
	write(t, store, "s", time.Minute, "more")
	wantMessages(t, "the same token later", events(t, store, "s", logs.EventsQuery{Token: sent}), "more")
}

func TestReadingBackward(t *testing.T) {
	store, _ := open(t)
	write(t, store, "s", 0, numbered(5)...)
	page := events(t, store, "s", logs.EventsQuery{Limit: 2})
	wantMessages(t, "first page is the last", page, "line 3", "line 4")
	page = events(t, store, "s", logs.EventsQuery{Limit: 2, Token: page.Backward})
	wantMessages(t, "the page before", page, "line 1", "line 2")
	page = events(t, store, "s", logs.EventsQuery{Limit: 2, Token: page.Backward})
	wantMessages(t, "the one before that", page, "line 0")
	sent := page.Backward
	page = events(t, store, "s", logs.EventsQuery{Token: sent})
	wantMessages(t, "at the beginning", page)
	if page.Backward != sent {
		t.Errorf("Backward at the beginning = %q, want the token that was sent, %q", page.Backward, sent)
	}
}

func TestAnEmptyStreamHasTokensThatStayGood(t *testing.T) {
	store, _ := open(t)
	write(t, store, "s", 0)
	for _, head := range []bool{true, false} {
		page := events(t, store, "s", logs.EventsQuery{FromHead: head})
		wantMessages(t, "empty", page)
		again := events(t, store, "s", logs.EventsQuery{Token: page.Forward})
		if page.Forward == "" || again.Forward != page.Forward {
			t.Errorf("Forward, FromHead %v = %q, then %q; want the same token", head, page.Forward, again.Forward)
		}
	}
}

func TestPagesAreBounded(t *testing.T) {
	store, _ := open(t)
	write(t, store, "many", 0, numbered(10_001)...)
	if got := len(events(t, store, "many", logs.EventsQuery{FromHead: true}).Events); got != 10_000 {
		t.Errorf("events on a page = %d, want 10000", got)
	}
	big := strings.Repeat("x", logs.MaxMessage)
	write(t, store, "big", 0, big, big, big, big, big)
	if got := len(events(t, store, "big", logs.EventsQuery{}).Events); got != 4 {
		t.Errorf("events of 256 KiB on a page = %d, want 4", got)
	}
}

func TestTimeRange(t *testing.T) {
	store, _ := open(t)
	write(t, store, "s", 0, numbered(5)...)
	at := func(s int) int64 { return noon.Add(time.Duration(s) * time.Second).UnixMilli() }
	tests := map[string]struct {
		q    logs.EventsQuery
		want []string
	}{
		"start is inside":    {logs.EventsQuery{Start: at(3)}, []string{"line 3", "line 4"}},
		"end is not":         {logs.EventsQuery{End: at(2)}, []string{"line 0", "line 1"}},
		"both":               {logs.EventsQuery{Start: at(1), End: at(3)}, []string{"line 1", "line 2"}},
		"between two events": {logs.EventsQuery{Start: at(1) + 1, End: at(2) - 1}, nil},
		"before all":         {logs.EventsQuery{End: at(0)}, nil},
		"after all":          {logs.EventsQuery{Start: at(9)}, nil},
		"end before start":   {logs.EventsQuery{Start: at(3), End: at(1)}, nil},
	}
	for name, test := range tests {
		for _, head := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, FromHead %v", name, head), func(t *testing.T) {
				test.q.FromHead = head
				wantMessages(t, "Events", events(t, store, "s", test.q), test.want...)
			})
		}
	}
}

// Bisection must agree with reading everything, also when one line is longer than
// what it reads at once and when lines are no events.
func TestTimeRangeInALongStream(t *testing.T) {
	store, dir := open(t)
	lines := numbered(3000)
	for i := range lines {
		lines[i] += strings.Repeat("~", i%977)
	}
	lines[1500] = strings.Repeat("x", 200<<10)
	write(t, store, "s", 0, lines...)
	path := filepath.Join(dir, "+aws+batch+job", "s.log")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := strings.Replace(string(whole), "line 700", "line 700\nno event", 1)
	if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(lines); i += 83 {
		start := noon.Add(time.Duration(i) * time.Second).UnixMilli()
		page := events(t, store, "s", logs.EventsQuery{FromHead: true, Limit: 1, Start: start})
		if len(page.Events) != 1 || page.Events[0].Message != lines[i] {
			t.Errorf("first event from second %d = %.40q, want %.40q", i, messages(page), lines[i])
		}
		page = events(t, store, "s", logs.EventsQuery{Limit: 1, End: start + 1})
		if len(page.Events) != 1 || page.Events[0].Message != lines[i] {
			t.Errorf("last event up to second %d = %.40q, want %.40q", i, messages(page), lines[i])
		}
	}
}

func TestWhatDoesNotExist(t *testing.T) {
	store, _ := open(t)
	ctx := t.Context()
	if _, err := store.Events(ctx, group, "s", logs.EventsQuery{}); !errors.Is(err, logs.ErrNoGroup) {
		t.Errorf("Events without group = %v, want ErrNoGroup", err)
	}
	if _, err := store.Streams(ctx, group, logs.StreamsQuery{}); !errors.Is(err, logs.ErrNoGroup) {
		t.Errorf("Streams without group = %v, want ErrNoGroup", err)
	}
	if _, err := store.Filter(ctx, group, logs.FilterQuery{}); !errors.Is(err, logs.ErrNoGroup) {
		t.Errorf("Filter without group = %v, want ErrNoGroup", err)
	}
	write(t, store, "s", 0, "a")
	if _, err := store.Events(ctx, group, "other", logs.EventsQuery{}); !errors.Is(err, logs.ErrNoStream) {
		t.Errorf("Events without stream = %v, want ErrNoStream", err)
	}
	if _, err := store.Filter(ctx, group, logs.FilterQuery{Streams: []string{"s", "other"}}); !errors.Is(err, logs.ErrNoStream) {
		t.Errorf("Filter with a missing stream = %v, want ErrNoStream", err)
	}
	for _, token := range []string{"x", "f/", "f/-1", "f/1", "x/0", "b/abc"} {
		if _, err := store.Events(ctx, group, "s", logs.EventsQuery{Token: token}); !errors.Is(err, logs.ErrToken) {
			t.Errorf("Events with token %q = %v, want ErrToken", token, err)
		}
	}
}

func TestNamesAreFileNames(t *testing.T) {
	store, dir := open(t)
	names := []string{
		"..", ".", ".hidden", "../../etc/passwd", "/absolute", "a+b", "a/b", "a%2Fb", "a b", "ä",
		"nul\x00", "new\nline", strings.Repeat("long/", 100), strings.Repeat("long/", 100) + "er",
	}
	for _, name := range names {
		write(t, store, name, 0, "I am "+name)
	}
	for _, name := range names {
		wantMessages(t, name, events(t, store, name, logs.EventsQuery{}), "I am "+name)
	}
	page, err := store.Streams(t.Context(), group, logs.StreamsQuery{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, s := range page.Streams {
		got[s.Name] = true
	}
	for _, name := range names {
		if !got[name] {
			t.Errorf("Streams lacks %q", name)
		}
	}
	if outside, _ := filepath.Glob(filepath.Join(dir, "*")); len(outside) != 1 {
		t.Errorf("files beside the group: %q", outside)
	}
	if _, err := store.Writer(group, ""); err == nil {
		t.Error("Writer with an empty stream name succeeded")
	}
}

func TestRemoveAndPurge(t *testing.T) {
	store, dir := open(t)
	for _, name := range []string{"removed", "old", "new", "busy"} {
		write(t, store, name, 0, "x")
	}
	if err := store.Remove(group, "removed"); err != nil {
		t.Fatal(err)
	}
	if err := store.Remove(group, "removed"); !errors.Is(err, logs.ErrNoStream) {
		t.Errorf("second Remove = %v, want ErrNoStream", err)
	}
	busy, _ := store.Writer(group, "busy")
	defer busy.Close()
	for _, name := range []string{"old", "busy"} {
		if err := os.Chtimes(filepath.Join(dir, "+aws+batch+job", name+".log"), noon, noon); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := store.Purge(noon.Add(time.Hour))
	if err != nil || removed != 1 {
		t.Errorf("Purge = %d, %v, want 1, nil", removed, err)
	}
	page, _ := store.Streams(t.Context(), group, logs.StreamsQuery{})
	if diff := cmp.Diff([]string{"busy", "new"}, streamNames(page)); diff != "" {
		t.Errorf("streams left (-want +got):\n%s", diff)
	}
}

func streamNames(page logs.StreamsPage) []string {
	var all []string
	for _, s := range page.Streams {
		all = append(all, s.Name)
	}
	return all
}

func TestStreams(t *testing.T) {
	store, _ := open(t)
	write(t, store, "job/b", 2*time.Second, "x")
	write(t, store, "job/a", 3*time.Second, "x", "y")
	write(t, store, "job/c", 1*time.Second, "x")
	write(t, store, "other", 0)
	tests := map[string]struct {
		q    logs.StreamsQuery
		want []string
	}{
		"by name":                   {logs.StreamsQuery{}, []string{"job/a", "job/b", "job/c", "other"}},
		"by name, descending":       {logs.StreamsQuery{Descending: true}, []string{"other", "job/c", "job/b", "job/a"}},
		"prefix":                    {logs.StreamsQuery{Prefix: "job/"}, []string{"job/a", "job/b", "job/c"}},
		"by last event":             {logs.StreamsQuery{ByLastEvent: true}, []string{"other", "job/c", "job/b", "job/a"}},
		"last event first":          {logs.StreamsQuery{ByLastEvent: true, Descending: true}, []string{"job/a", "job/b", "job/c", "other"}},
		"a prefix that none has":    {logs.StreamsQuery{Prefix: "nobody"}, nil},
		"last event, with a prefix": {logs.StreamsQuery{ByLastEvent: true, Prefix: "job"}, []string{"job/c", "job/b", "job/a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, limit := range []int{0, 1, 2} {
				var got []string
				q := test.q
				q.Limit = limit
				for {
					page, err := store.Streams(t.Context(), group, q)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, streamNames(page)...)
					if q.Token = page.Next; q.Token == "" {
						break
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("Streams(%+v), all pages (-want +got):\n%s", q, diff)
				}
			}
		})
	}
	page, _ := store.Streams(t.Context(), group, logs.StreamsQuery{Prefix: "job/a"})
	want := logs.StreamInfo{
		Name: "job/a", Created: noon.Add(3 * time.Second),
		First: noon.Add(3 * time.Second), Last: noon.Add(4 * time.Second), Bytes: 66,
	}
	if diff := cmp.Diff([]logs.StreamInfo{want}, page.Streams); diff != "" {
		t.Errorf("StreamInfo (-want +got):\n%s", diff)
	}
}

func TestGroups(t *testing.T) {
	store, _ := open(t)
	names := []string{"/a/1", "/a/2", "/b", strings.Repeat("/long", 100)}
	for _, name := range names {
		w, err := store.Writer(name, "s")
		if err != nil {
			t.Fatal(err)
		}
		w.Append(noon, []byte("hello"))
		w.Close()
	}
	var got []string
	for token := ""; ; {
		page, err := store.Groups(t.Context(), "", 1, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page.Groups {
			got = append(got, g.Name)
			if g.Bytes != 37 || g.Created.IsZero() {
				t.Errorf("group %.20q = %+v, want 37 bytes and a time", g.Name, g)
			}
		}
		if token = page.Next; token == "" {
			break
		}
	}
	if diff := cmp.Diff(names, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	page, _ := store.Groups(t.Context(), "/a", 0, "")
	if len(page.Groups) != 2 {
		t.Errorf("groups with prefix /a = %d, want 2", len(page.Groups))
	}
}

func TestFollowSeesWhatIsWritten(t *testing.T) {
	store, _ := open(t)
	write(t, store, "s", 0, "before")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	position := ""
	for page, err := range store.Follow(ctx, group, "s", "") {
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Follow ended with %v, want context.Canceled", err)
			}
			break
		}
		got = append(got, messages(page)...)
		position = page.Forward
		switch len(got) {
		case 1:
			time.AfterFunc(0, func() { write(t, store, "s", time.Second, "while waiting") })
		case 2:
			write(t, store, "s", 2*time.Second, "in the loop")
		case 3:
			time.AfterFunc(0, cancel)
		}
	}
	if diff := cmp.Diff([]string{"before", "while waiting", "in the loop"}, got); diff != "" {
		t.Errorf("followed (-want +got):\n%s", diff)
	}
	write(t, store, "s", time.Minute, "later")
	for page, err := range store.Follow(t.Context(), group, "s", position) {
		if err != nil {
			t.Fatal(err)
		}
		wantMessages(t, "followed from the position reached", page, "later")
		break
	}
	for _, err := range store.Follow(t.Context(), group, "missing", "") {
		if !errors.Is(err, logs.ErrNoStream) {
			t.Errorf("Follow of a missing stream = %v, want ErrNoStream", err)
		}
	}
}

func TestFollowEndsWhenTheStreamIsRemoved(t *testing.T) {
	store, _ := open(t)
	write(t, store, "s", 0, "only")
	var last error
	for _, err := range store.Follow(t.Context(), group, "s", "") {
		if last = err; err == nil {
			time.AfterFunc(0, func() { store.Remove(group, "s") })
		}
	}
	if !errors.Is(last, logs.ErrNoStream) {
		t.Errorf("Follow ended with %v, want ErrNoStream", last)
	}
}

// One short job: its stream is opened, a line written, closed.
func BenchmarkOpenAppendClose(b *testing.B) {
	store, err := logs.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	line := []byte("hello from a short job\n")
	for i := 0; b.Loop(); i++ {
		w, err := store.Writer(group, fmt.Sprintf("job/default/%032x", i))
		if err != nil {
			b.Fatal(err)
		}
		w.Append(noon, line)
		w.Close()
	}
}

func BenchmarkAppend(b *testing.B) {
	store, err := logs.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	w, err := store.Writer(group, "s")
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	line := []byte("hello from a talkative job\n")
	for b.Loop() {
		w.Append(noon, line)
	}
}
