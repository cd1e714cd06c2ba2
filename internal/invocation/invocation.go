// Package invocation carries the identity of one call of an AWS SDK through a
// context.
//
// SDKs send "amz-sdk-invocation-id" with every request: a UUID that is new for each
// call and the same in all its retries. Operations that have no token of their own,
// SubmitJob above all, recognise a retry by it.
package invocation

import (
	"context"
	"time"
	"unicode/utf8"
)

// Header is the HTTP header that carries the id.
const Header = "Amz-Sdk-Invocation-Id"

// maxLength is the longest id taken over; SDKs send 36 characters.
const maxLength = 128

type key struct{}

// With returns ctx with an invocation id. An id that is empty, or that no SDK would
// make (longer, not UTF-8), leaves ctx as it is: the call then counts as one of its own.
func With(ctx context.Context, id string) context.Context {
	if id == "" || len(id) > maxLength || !utf8.ValidString(id) {
		return ctx
	}
	return context.WithValue(ctx, key{}, id)
}

// From returns the invocation id of ctx, empty when there is none.
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

type keepKey struct{}

// Keep returns ctx with how long the call may be repeated and must then be recognised.
// SDKs repeat within minutes; a message of a queue may come again after days.
func Keep(ctx context.Context, keep time.Duration) context.Context {
	return context.WithValue(ctx, keepKey{}, keep)
}

// Kept returns the time of Keep, 0 when nothing was said.
func Kept(ctx context.Context) time.Duration {
	keep, _ := ctx.Value(keepKey{}).(time.Duration)
	return keep
}
