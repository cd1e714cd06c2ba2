package home

import (
	"errors"
	"syscall"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// Explain makes of an error of the store one that tells a caller what to do. Other
// errors stay as they are.
func Explain(err error) error {
	if !errors.Is(err, store.ErrUnavailable) || errors.As(err, new(*batch.Error)) {
		return err
	}
	told := &batch.Error{
		Code:    batch.CodeServer,
		Message: "The request was not recorded, because the records cannot be reached now.",
		Next:    "try again; the server's log has the cause", Err: err,
	}
	for _, full := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) {
			told.Message = "The request was not recorded: " + full.Error() + "."
			told.Next = "make room on the disk of the server's data folder, then try again"
		}
	}
	return told
}
