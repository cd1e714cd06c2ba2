package fakeaws

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"golang.org/x/time/rate"
)

// gate is where every call comes in: it is counted, throttled and failed here.
type gate struct {
	calls    map[string]int // by operation, "ec2.CreateFleet"
	failed   map[string]int // by kind of FailOnce: how often it has failed
	limiters map[string]*rate.Limiter
}

func newGate() gate {
	g := gate{calls: map[string]int{}}
	g.forget()
	return g
}

// forget makes the gate begin anew with other faults.
func (g *gate) forget() { g.failed, g.limiters = map[string]int{}, map[string]*rate.Limiter{} }

// Calls tells how often each operation was called, as "ec2.CreateFleet", calls that
// failed included.
func (c *Cloud) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.gate.calls)
}

// call does what all operations have in common. do runs with mu held and gives the
// answer or an error made by refuse.
func call[In, Out any](ctx context.Context, c *Cloud, operation string, in *In, do func(in *In) (*Out, error)) (*Out, error) {
	if in == nil {
		in = new(In) // as the SDK does
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, operationError(operation, serverFault(operation, "the fake cloud is closed"))
	}
	c.gate.calls[operation]++
	if c.throttled(operation) {
		return nil, operationError(operation, throttling(operation))
	}
	before, after := c.fails(operation, in)
	if before {
		c.o.Log.Debug("call fails before its effect", "operation", operation)
		return nil, operationError(operation, serverFault(operation, "injected before the effect"))
	}
	out, err := do(in)
	if err != nil {
		return nil, operationError(operation, err)
	}
	if after {
		c.o.Log.Debug("call fails after its effect", "operation", operation)
		return nil, operationError(operation, serverFault(operation, "injected after the effect"))
	}
	return out, nil
}

func (c *Cloud) throttled(operation string) bool {
	service, _, _ := strings.Cut(operation, ".")
	bound, ok := c.faults.Throttle[operation]
	bucket := operation
	if !ok {
		bucket = service + ".*"
		bound, ok = c.faults.Throttle[bucket]
	}
	if !ok {
		bucket = operation
		bound, ok = c.faults.Throttle["*"]
	}
	if !ok {
		return false
	}
	limiter := c.gate.limiters[bucket]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(bound.PerSecond), bound.Burst)
		c.gate.limiters[bucket] = limiter
	}
	return !limiter.Allow()
}

// fails decides whether a call fails before its effect or after it.
func (c *Cloud) fails(operation string, in any) (before, after bool) {
	if c.faults.FailOnce != FailNever {
		kind := operation
		if c.faults.FailOnce == FailCall {
			kind += " " + fingerprint(in)
		}
		c.gate.failed[kind]++
		switch c.gate.failed[kind] {
		case 1:
			return true, false
		case 2:
			return false, true
		}
	}
	subject := fmt.Sprint(operation, c.gate.calls[operation])
	if c.chance(c.faults.CallFails, "call-fails", subject) {
		return true, false
	}
	return false, c.chance(c.faults.AnswerLost, "answer-lost", subject)
}

// fingerprint tells inputs apart by what they say.
func fingerprint(in any) string {
	text, err := json.Marshal(in)
	if err != nil {
		panic("fakeaws: an input has no form in JSON: " + err.Error()) // inputs are structs of plain values
	}
	return string(text)
}
