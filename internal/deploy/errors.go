package deploy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"
)

// Error is what a person is told: what is wrong, and what to do next.
type Error struct {
	Message string
	Next    string // in the imperative; may be empty
	Err     error  // the cause, where there is one
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// What callers branch on, with errors.Is.
var (
	// ErrNone: there is no such deployment.
	ErrNone = errors.New("no such deployment")
	// ErrAlive: hosts or tasks live, and the call was not told to end them.
	ErrAlive = errors.New("the deployment has hosts or tasks")
)

func none(name, region string) error {
	return &Error{
		Message: fmt.Sprintf("there is no deployment %q in %s", name, region),
		Next:    "make it with `packhorse deploy`, or name another with --deployment and --region",
		Err:     ErrNone,
	}
}

// nameRule keeps the names of all that is made for a deployment within the rules of
// each service; the narrowest are those of functions (64 characters) and of buckets'
// prefixes in policies.
var nameRule = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

const maxName = 32

// CheckName refuses a name that no deployment can have.
func CheckName(name string) error {
	if len(name) <= maxName && nameRule.MatchString(name) {
		return nil
	}
	return &Error{
		Message: fmt.Sprintf("%q is not the name of a deployment", name),
		Next:    fmt.Sprintf("use up to %d small letters, digits and single hyphens, beginning with a letter", maxName),
	}
}

// explain turns an error of AWS into one that says what was being done and, where the
// code tells, what to do about it.
func explain(err error, doing string) error {
	if err == nil {
		return nil
	}
	message, next := err.Error(), ""
	var api smithy.APIError
	if errors.As(err, &api) {
		message = api.ErrorMessage()
		if message == "" {
			message = api.ErrorCode()
		}
		next = nextFor(api.ErrorCode(), message)
	}
	return &Error{Message: fmt.Sprintf("cannot %s: %s", doing, strings.TrimSpace(message)), Next: next, Err: err}
}

// nextFor is what helps against an error of AWS, by its code.
func nextFor(code, message string) string {
	switch {
	case code == "ExpiredToken", code == "ExpiredTokenException", code == "RequestExpired":
		return "the session has ended: log in again"
	case code == "InvalidClientTokenId", code == "UnrecognizedClientException", code == "SignatureDoesNotMatch", code == "InvalidAccessKeyId":
		return "check the AWS credentials, or name a profile with --profile"
	case strings.HasPrefix(code, "AccessDenied"), code == "UnauthorizedOperation", strings.Contains(message, "is not authorized to perform"):
		return "the caller lacks a permission; docs/permissions.md lists those of whoever deploys"
	case code == "Throttling", code == "ThrottlingException", code == "RequestLimitExceeded":
		return "wait a minute and say it again"
	}
	return ""
}

// isCode reports whether AWS answered with one of these codes.
func isCode(err error, codes ...string) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, c := range codes {
		if api.ErrorCode() == c {
			return true
		}
	}
	return false
}
