package foresight

import (
	"slices"
	"sort"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// usage is what jobs use of a host over time.
type usage struct {
	has   batch.Resources
	steps []step // by time; nothing is used before the first and after the last
}

// step is what is free from a moment until the next step.
type step struct {
	from time.Duration
	free batch.Resources
}

// at is the index of the step that a moment lies in; -1 before the first.
func (u *usage) at(t time.Duration) int {
	return sort.Search(len(u.steps), func(i int) bool { return u.steps[i].from > t }) - 1
}

// holds reports whether there is room for a need from one moment until another.
func (u *usage) holds(need batch.Resources, from, until time.Duration) bool {
	if !need.Fits(u.has) {
		return false
	}
	for i := max(0, u.at(from)); i < len(u.steps) && u.steps[i].from < until; i++ {
		if !need.Fits(u.steps[i].free) {
			return false
		}
	}
	return true
}

// take takes the room.
func (u *usage) take(need batch.Resources, from, until time.Duration) {
	u.cut(from)
	u.cut(until)
	for i := u.at(from); u.steps[i].from < until; i++ {
		u.steps[i].free = u.steps[i].free.Sub(need)
	}
}

// cut makes a step begin at a moment.
func (u *usage) cut(t time.Duration) {
	i := u.at(t)
	switch {
	case i < 0:
		u.steps = slices.Insert(u.steps, 0, step{t, u.has})
	case u.steps[i].from < t:
		u.steps = slices.Insert(u.steps, i+1, step{t, u.steps[i].free})
	}
}
