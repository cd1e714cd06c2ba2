package control

import (
	"fmt"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// maxConflicts bounds how often a change is thought through again because another
// writer was faster. Writers on one resource are people and the engine, so that even
// a few in a row are rare.
const maxConflicts = 20

// untilWritten calls change, which reads, decides and writes, until its write meets
// the records as it had read them. what names the resource in the error for the case
// that it never does.
func untilWritten(what string, change func() error) error {
	for range maxConflicts {
		if err := change(); !store.IsConflict(err) {
			return err
		}
	}
	return &batch.Error{
		Code:    batch.CodeServer,
		Message: fmt.Sprintf("%s was changed by others %d times while this request was served", what, maxConflicts),
		Next:    "send the request again",
		Err:     store.ErrConflict,
	}
}
