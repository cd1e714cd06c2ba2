package control

import (
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// maxDescribed is the most resources in one answer, and the most names in one
// question (API reference, maxResults of the Describe and List operations).
const maxDescribed = 100

// pageSize returns how many results an answer may hold: maxResults, or limit when
// it is not given.
func pageSize(maxResults *int32, limit int) (int, error) {
	if maxResults == nil {
		return limit, nil
	}
	if *maxResults < 1 || int(*maxResults) > limit {
		return 0, batch.Invalid("maxResults must be between 1 and %d, got %d.", limit, *maxResults)
	}
	return int(*maxResults), nil
}

// bothSet is the error for a list of names given together with a member that asks
// for a page.
func bothSet(names, other string) error {
	return &batch.Error{
		Code:    batch.CodeInvalid,
		Message: names + " and " + other + " cannot both be set",
		Next:    "leave out " + other + ", or the list to page through everything",
	}
}

// checkNameCount refuses a list of more names than one request may ask for.
func checkNameCount(field string, n int) error {
	if n <= maxDescribed {
		return nil
	}
	return &batch.Error{
		Code:    batch.CodeInvalid,
		Message: "Maximum number of " + field + " supported is 100.",
		Next:    "ask for the rest in further requests",
	}
}

// position is what a nextToken holds: where a listing goes on, and which listing it
// belongs to, so that a token of another one is noticed.
type position struct {
	List  string `json:"l"`
	After string `json:"a"`
}

// token makes a nextToken, nil at the end of a listing.
func token(list, after string) *string {
	if after == "" {
		return nil
	}
	data, err := json.Marshal(position{list, after})
	if err != nil {
		return nil // two strings can always be encoded
	}
	return new(base64.RawURLEncoding.EncodeToString(data))
}

// readToken returns where a listing goes on, "" at its beginning.
func readToken(list string, nextToken *string) (after string, err error) {
	if deref(nextToken) == "" {
		return "", nil
	}
	var p position
	data, err := base64.RawURLEncoding.DecodeString(*nextToken)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil || p.List != list || p.After == "" {
		return "", badToken(err)
	}
	return p.After, nil
}

func badToken(cause error) error {
	return &batch.Error{
		Code:    batch.CodeInvalid,
		Message: "nextToken is not valid for this request.",
		Next:    "send the nextToken of the previous answer unchanged, with the same other members; or leave it out to start again",
		Err:     cause,
	}
}

// tokenError turns the store's answer to a position that it did not give out into
// the caller's mistake.
func tokenError(err error) error {
	if errors.Is(err, store.ErrInvalid) {
		return badToken(err)
	}
	return err
}

// window cuts a page out of things that are sorted by name: those behind after, at
// most size of them, and the name to go on behind, "" when none follow.
func window[T any](sorted []T, name func(T) string, after string, size int) (page []T, next string) {
	start := 0
	for start < len(sorted) && name(sorted[start]) <= after {
		start++
	}
	end := min(start+size, len(sorted))
	if end < len(sorted) {
		next = name(sorted[end-1])
	}
	return sorted[start:end], next
}
