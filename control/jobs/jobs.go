// Package jobs serves what people ask of jobs: submit, describe, list, cancel,
// terminate.
//
// Requests are checked with AWS Batch's rules and texts, then written by one
// conditional write; what follows from them is the engine's. Nothing here waits
// for a pass.
package jobs

import (
	"time"

	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
)

// Jobs serves the operations on jobs. Its methods may be called from many
// goroutines.
type Jobs struct {
	Records   *store.Records
	Lifecycle *lifecycle.Lifecycle
	Account   batch.Account
	Now       func() time.Time
	// NewID makes the id of a job; NewID of this package where the store keeps
	// neighbouring ids together.
	NewID func() string
	// IDOf makes the id of a job from the SDK call that submits it: IDOf of this package
	// where the store gains nothing by neighbours, nil elsewhere. A repeated call is then
	// known without a record of it.
	IDOf func(invocation string) string
	// Kick is called with the queue of each job that the engine should look at.
	Kick func(queue string)
}

// NewID returns a UUID of version 7: ids made one after the other are neighbours in
// an ordered store, and sort by time.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// callIDs is the namespace of IDOf.
var callIDs = uuid.MustParse("5f4a1c7e-3c56-4b0e-9d0f-3a8f1d7b2c91")

// IDOf returns a UUID of version 5, the same for each try of one SDK call.
func IDOf(invocation string) string { return uuid.NewSHA1(callIDs, []byte(invocation)).String() }

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// wrapped puts a message into the frame that AWS Batch gives many of its own.
func wrapped(e *batch.Error) *batch.Error {
	e.Message = "Error executing request, Exception : " + e.Message + ", RequestId: " + uuid.NewString()
	return e
}
