package home_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/store"
)

func TestExplain(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string // part of what is told; empty leaves the error as it is
	}{
		"a full disk":         {fmt.Errorf("%w: db: %w", store.ErrUnavailable, syscall.ENOSPC), "make room on the disk"},
		"a quota":             {fmt.Errorf("%w: db: %w", store.ErrUnavailable, syscall.EDQUOT), "make room on the disk"},
		"something else":      {fmt.Errorf("%w: db: %w", store.ErrUnavailable, syscall.EIO), "the server's log has the cause"},
		"told already":        {&batch.Error{Code: batch.CodeInvalid, Message: "m", Err: store.ErrUnavailable}, ""},
		"nothing of the kind": {errors.New("other"), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := home.Explain(test.err)
			if test.want == "" {
				if got != test.err {
					t.Errorf("Explain(%v) = %v, want it as it is", test.err, got)
				}
				return
			}
			var told *batch.Error
			if !errors.As(got, &told) || told.Code != batch.CodeServer || !strings.Contains(told.Error(), test.want) || !errors.Is(got, test.err) {
				t.Errorf("Explain(%v) = %v, want a ServerException with %q", test.err, got, test.want)
			}
		})
	}
}
