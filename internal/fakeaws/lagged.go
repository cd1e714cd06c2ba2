package fakeaws

import "time"

// lagged is a thing as callers see it: each change becomes visible at its own time.
type lagged[T any] struct {
	views []view[T] // in order of from
}

type view[T any] struct {
	from  time.Time
	value T
}

// put makes value visible at a time, or with the change before it if that is later:
// what was seen once is not unseen.
func (l *lagged[T]) put(value T, at time.Time) {
	if n := len(l.views); n > 0 && l.views[n-1].from.After(at) {
		at = l.views[n-1].from
	}
	l.views = append(l.views, view[T]{at, value})
}

// at returns what is visible, false if nothing is yet, and forgets what was before.
func (l *lagged[T]) at(now time.Time) (value T, ok bool) {
	seen := -1
	for i := range l.views {
		if l.views[i].from.After(now) {
			break
		}
		seen = i
	}
	if seen < 0 {
		return value, false
	}
	l.views = l.views[seen:]
	return l.views[0].value, true
}
