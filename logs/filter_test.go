package logs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/logs"
)

// filterAll follows the tokens of Filter to the last page.
func filterAll(t *testing.T, store *logs.Store, q logs.FilterQuery) []logs.FilteredEvent {
	t.Helper()
	var all []logs.FilteredEvent
	for {
		page, err := store.Filter(t.Context(), group, q)
		if err != nil {
			t.Fatalf("Filter(%+v) = %v", q, err)
		}
		all = append(all, page.Events...)
		if q.Token = page.Next; q.Token == "" {
			return all
		}
	}
}

func shown(events []logs.FilteredEvent) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.Stream+": "+e.Message)
	}
	return all
}

func TestFilterMergesStreamsInOrderOfTime(t *testing.T) {
	store, _ := open(t)
	write(t, store, "a", 0, "0", "1", "2", "3")
	write(t, store, "b", 1500*time.Millisecond, "1.5", "2.5")
	write(t, store, "c", 1*time.Second, "1 too")
	want := []string{"a: 0", "a: 1", "c: 1 too", "b: 1.5", "a: 2", "b: 2.5", "a: 3"}
	for _, limit := range []int{0, 1, 2, 3} {
		got := filterAll(t, store, logs.FilterQuery{Limit: limit})
		if diff := cmp.Diff(want, shown(got)); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
		ids := map[string]bool{}
		for _, e := range got {
			ids[e.ID] = true
		}
		if len(ids) != len(want) {
			t.Errorf("limit %d: %d different ids for %d events", limit, len(ids), len(want))
		}
	}
}

func TestFilterChooses(t *testing.T) {
	store, _ := open(t)
	write(t, store, "job/a", 0, "a0", "a1", "a2")
	write(t, store, "job/b", 0, "b0", "b1")
	write(t, store, "other", 0, "o0")
	at := func(s int) int64 { return noon.Add(time.Duration(s) * time.Second).UnixMilli() }
	tests := map[string]struct {
		q    logs.FilterQuery
		want []string
	}{
		"streams by name":   {logs.FilterQuery{Streams: []string{"other", "job/b"}}, []string{"job/b: b0", "other: o0", "job/b: b1"}},
		"streams by prefix": {logs.FilterQuery{Prefix: "job/"}, []string{"job/a: a0", "job/b: b0", "job/a: a1", "job/b: b1", "job/a: a2"}},
		"from a time":       {logs.FilterQuery{Start: at(1)}, []string{"job/a: a1", "job/b: b1", "job/a: a2"}},
		"to a time, inside": {logs.FilterQuery{Start: at(1), End: at(1)}, []string{"job/a: a1", "job/b: b1"}},
		"by pattern":        {logs.FilterQuery{Pattern: "?a1 ?o0"}, []string{"other: o0", "job/a: a1"}},
		"none":              {logs.FilterQuery{Pattern: "nowhere"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, limit := range []int{0, 1} {
				test.q.Limit = limit
				if diff := cmp.Diff(test.want, shown(filterAll(t, store, test.q))); diff != "" {
					t.Errorf("limit %d (-want +got):\n%s", limit, diff)
				}
			}
		})
	}
}

func TestFilterReadsMoreStreamsThanFitInMemory(t *testing.T) {
	store, _ := open(t)
	const streams, lines = 300, 40
	var want int
	for i := range streams {
		write(t, store, fmt.Sprintf("s%03d", i), time.Duration(i)*time.Millisecond, numbered(lines)...)
		want += lines
	}
	write(t, store, "big", 0, strings.Repeat("x", logs.MaxMessage), strings.Repeat("y", logs.MaxMessage))
	want += 2
	got := filterAll(t, store, logs.FilterQuery{Limit: 999})
	if len(got) != want {
		t.Errorf("events = %d, want %d", len(got), want)
	}
	if !slices.IsSortedFunc(got, func(a, b logs.FilteredEvent) int { return a.At.Compare(b.At) }) {
		t.Error("events are not in order of time")
	}
}

func TestAPageOfFilterFindsWhatComesLater(t *testing.T) {
	store, _ := open(t)
	write(t, store, "a", 0, "a0", "a1")
	page, err := store.Filter(t.Context(), group, logs.FilterQuery{Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("Filter = %+v, %v, want a token", page, err)
	}
	write(t, store, "b", time.Minute, "b0")
	got := filterAll(t, store, logs.FilterQuery{Token: page.Next})
	if diff := cmp.Diff([]string{"a: a1", "b: b0"}, shown(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPatterns(t *testing.T) {
	lines := []string{
		"[ERROR 400] BAD REQUEST", "[ERROR 401] UNAUTHORIZED", "[WARN] slow request", "all is well", "a \"quoted\" word",
	}
	tests := map[string][]int{
		"":                     {0, 1, 2, 3, 4},
		" ":                    {0, 1, 2, 3, 4},
		"ERROR":                {0, 1},
		"error":                nil, // case counts
		"ERROR REQUEST":        {0},
		"REQUEST ERROR":        {0}, // in any order
		`"BAD REQUEST"`:        {0},
		`"REQUEST BAD"`:        nil,
		"?ERROR ?WARN":         {0, 1, 2},
		`?"BAD REQUEST" ?WARN`: {0, 2},
		"ERROR -401":           {0},
		`-"ERROR 401" -WARN`:   {0, 3, 4},
		"ERROR ?WARN":          {0, 1}, // optional terms beside others are ignored
		`"\"quoted\""`:         {4},
		"%ERROR 40[12]%":       {1},
		"%AUTHORIZED% -WARN":   {1},
	}
	store, _ := open(t)
	write(t, store, "s", 0, lines...)
	for pattern, want := range tests {
		var wanted []string
		for _, i := range want {
			wanted = append(wanted, "s: "+lines[i])
		}
		got := filterAll(t, store, logs.FilterQuery{Pattern: pattern})
		if diff := cmp.Diff(wanted, shown(got)); diff != "" {
			t.Errorf("pattern %s (-want +got):\n%s", pattern, diff)
		}
	}
	for _, pattern := range []string{`{ $.level = "ERROR" }`, "[ip, user, ...]", `"open`, "%open", "%(%", "-", "ERROR ? x"} {
		_, err := store.Filter(t.Context(), group, logs.FilterQuery{Pattern: pattern})
		var wrong *logs.PatternError
		if !errors.As(err, &wrong) {
			t.Errorf("pattern %s = %v, want a *PatternError", pattern, err)
		}
	}
}
