package demo

import (
	"fmt"
	"io"
)

// ExitTemporary is the exit code of Flaky's first attempt: EX_TEMPFAIL of sysexits(3),
// "temporary failure; the user is invited to retry". The retry strategy of its
// definition matches it.
const ExitTemporary = 75

// TemporaryError is why Flaky failed.
type TemporaryError struct{ Attempt int }

func (e *TemporaryError) Error() string {
	return fmt.Sprintf("attempt %d fails on purpose with exit code %d; the retry strategy of this job tries that again", e.Attempt, ExitTemporary)
}

// Flaky is the task that fails on its first attempt, as AWS_BATCH_JOB_ATTEMPT counts
// them, and succeeds on any later one.
func Flaky(attempt int, out io.Writer) error {
	if attempt < 1 {
		return fmt.Errorf("attempt %d is none: AWS_BATCH_JOB_ATTEMPT counts from 1", attempt)
	}
	if attempt == 1 {
		return &TemporaryError{Attempt: attempt}
	}
	fmt.Fprintf(out, "Attempt %d succeeds.\n", attempt)
	return nil
}
