package batch

import (
	"errors"
	"fmt"
)

// Code says whose fault an error is. The doors translate it: the wire answers
// ClientException or ServerException, the command line picks an exit code.
type Code string

// The codes of AWS Batch, and the ones beside them that its clients know.
const (
	CodeInvalid  Code = "ClientException"          // the request cannot be served as it is; HTTP 400
	CodeNotFound Code = "ClientException.NotFound" // it names something that does not exist; HTTP 400 on the wire
	CodeServer   Code = "ServerException"          // it failed here; trying again may help; HTTP 500
	CodeDenied   Code = "AccessDeniedException"    // the caller may not; HTTP 403
	CodeThrottle Code = "TooManyRequestsException" // slow down; HTTP 429
)

// Error is what a caller is told: what is wrong, and what to do next.
type Error struct {
	Code    Code
	Message string // a full sentence; where AWS has a text that clients match, that text
	Next    string // the next step, in the imperative, or empty when Message says it
	Err     error  // the cause, for logs
}

func (e *Error) Error() string {
	if e.Next == "" {
		return e.Message
	}
	return e.Message + " (" + e.Next + ")"
}

func (e *Error) Unwrap() error { return e.Err }

// Invalid is an Error about the request, with no more to say than its message.
func Invalid(format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

// NotFound is an Error about something that does not exist.
func NotFound(format string, args ...any) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of err: CodeServer for anything that is not an *Error.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeServer
}
