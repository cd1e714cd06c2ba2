package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Options say what a function is. Binary is required.
type Options struct {
	Name   string
	Binary string   // path of its bootstrap
	Env    []string // all of its environment but for what the runtime adds, "NAME=value"
	// Timeout ends an invocation; 0 is a minute.
	Timeout time.Duration
	// Concurrency bounds how many invocations run at once; 0 is 1. More wait.
	Concurrency int
	// Output is where what the function prints goes; nil drops it.
	Output io.Writer
}

// Error is what a function answered when it failed.
type Error struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// errExited says that a function's process ended while it was asked.
var errExited = errors.New("Runtime.ExitError: the function's process ended before it answered")

// Function is a function that can be invoked. Its methods may be called from many
// goroutines.
type Function struct {
	o     Options
	slots chan struct{}

	mu     sync.Mutex
	idle   []*instance
	all    map[*instance]bool
	closed bool
	count  Count
}

// Count is what a function was asked to do.
type Count struct{ Invocations, Failures, ColdStarts int }

// New returns a function. Its processes are started as invocations come.
func New(o Options) *Function {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Concurrency == 0 {
		o.Concurrency = 1
	}
	return &Function{o: o, slots: make(chan struct{}, o.Concurrency), all: map[*instance]bool{}}
}

// Invoke hands an event to the function and returns its answer. A function that failed
// gives an *Error.
func (f *Function) Invoke(ctx context.Context, event any) (json.RawMessage, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("event for %s: %w", f.o.Name, err)
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, f.o.Timeout)
	defer cancel()
	i, err := f.take()
	if err != nil {
		return nil, err
	}
	answer, err := i.invoke(ctx, payload)
	var failed *Error
	keep := err == nil || errors.As(err, &failed)
	f.give(i, keep, err != nil)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", f.o.Name, err)
	}
	return answer, nil
}

// Count returns what it was asked to do so far.
func (f *Function) Count() Count {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

func (f *Function) take() (*instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, fmt.Errorf("function %s is closed", f.o.Name)
	}
	f.count.Invocations++
	if n := len(f.idle); n > 0 {
		i := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return i, nil
	}
	f.count.ColdStarts++
	i, err := start(f.o)
	if err == nil {
		f.all[i] = true
	}
	return i, err
}

func (f *Function) give(i *instance, keep, failed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if failed {
		f.count.Failures++
	}
	if keep && !f.closed {
		f.idle = append(f.idle, i)
		return
	}
	delete(f.all, i)
	i.stop()
}

// Freeze ends all processes that wait, so that the next invocations are cold starts.
func (f *Function) Freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.idle {
		delete(f.all, i)
		i.stop()
	}
	f.idle = nil
}

// Close ends its processes. Invocations under way fail.
func (f *Function) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for i := range f.all {
		i.stop()
	}
	f.all, f.idle = nil, nil
}
