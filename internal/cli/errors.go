package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	domain "github.com/packhorse-batch/packhorse/batch"
)

// The exit codes; doc.go says what they mean.
const (
	ExitOK          = 0
	ExitFailure     = 1
	ExitUsage       = 2
	ExitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// Error is what a person is told: what is wrong, and what to do next.
type Error struct {
	Message string // one line; empty when everything was already said
	Next    string // the next step, in the imperative; may be empty
	Exit    int    // 0 means ExitFailure
	Err     error  // the cause
}

func (e *Error) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("exit code %d", e.code())
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) code() int {
	if e.Exit == 0 {
		return ExitFailure
	}
	return e.Exit
}

// exit ends a command with a code when it has already said why.
func exit(code int) error {
	if code == ExitOK {
		return nil
	}
	return &Error{Exit: code}
}

// usage is an error in what was typed.
func usage(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), Exit: ExitUsage}
}

// hint is usage with the next step.
func (e *Error) hint(format string, args ...any) *Error {
	e.Next = fmt.Sprintf(format, args...)
	return e
}

// failure is an error in what the server or a job did.
func failure(format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...)}
}

func quote(s string) string { return `"` + s + `"` }

// argsBetween refuses other numbers of arguments; most < 0 means no limit.
func argsBetween(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage("%s needs %s", cmd.CommandPath(), what)
		case most == 0 && len(args) > 0:
			return usage("%s takes no arguments, got %s", cmd.CommandPath(), quote(args[0]))
		case most >= 0 && len(args) > most:
			return usage("%s takes %s, got %d arguments", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}

func unknownCommand(root *cobra.Command, name string) error {
	e := usage("there is no command %s", quote(name))
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return e.hint("did you mean %s?", strings.Join(near, " or "))
	}
	return e.hint("`%s --help` lists the commands", root.CommandPath())
}

// report prints err, if any, and returns the exit code. ran is the command that was
// found for the command line; it may be nil.
func (a *App) report(ran *cobra.Command, err error) int {
	if err == nil {
		return ExitOK
	}
	e := a.translate(err)
	if e.Message != "" {
		if e.code() == ExitUsage && e.Next == "" && ran != nil {
			e.Next = fmt.Sprintf("see `%s --help`", ran.CommandPath())
		}
		fmt.Fprintf(a.Err, "%s %s\n", a.Err.paint(red, "packhorse:"), e.Message)
		if e.Next != "" {
			fmt.Fprintf(a.Err, "%s %s\n", a.Err.paint(bold, "next:"), e.Next)
		}
	}
	return e.code()
}

// translate turns any error into one for a person: the SDK's wrapping ("operation
// error Batch: SubmitJob, https response error StatusCode: ...") is dropped, and
// common causes get a next step. It is the only place that knows the SDK's errors.
func (a *App) translate(err error) *Error {
	var (
		ours    *Error
		theirs  *domain.Error
		missing smithy.InvalidParamsError
		api     smithy.APIError
		dns     *net.DNSError
		netErr  net.Error
		garbled *smithy.DeserializationError
		path    *os.PathError
	)
	switch {
	case errors.As(err, &ours):
		out := *ours
		return &out
	case errors.As(err, &theirs):
		return &Error{Message: theirs.Message, Next: theirs.Next, Err: err}
	case errors.As(err, &missing):
		return &Error{Message: missingFields(missing), Exit: ExitUsage, Err: err}
	case errors.As(err, &api):
		return translateAPI(api, err)
	case errors.As(err, &garbled):
		return &Error{
			Message: fmt.Sprintf("cannot read the answer of %s: %s", a.address(), oneLine(garbled.Err.Error())),
			Next:    "check that the endpoint is that of an AWS Batch API",
			Err:     err,
		}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Error{
			Message: "no server at " + a.address(),
			Next:    "start one with `packhorse serve`, or name another with --endpoint",
			Err:     err,
		}
	case errors.As(err, &dns):
		return &Error{
			Message: fmt.Sprintf("there is no host %s (%s)", quote(dns.Name), a.address()),
			Next:    "check --endpoint, PACKHORSE_ENDPOINT and AWS_ENDPOINT_URL_BATCH",
			Err:     err,
		}
	case errors.Is(err, context.Canceled):
		return &Error{Message: "interrupted", Exit: ExitInterrupted, Err: err}
	case errors.As(err, &netErr) && netErr.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return &Error{Message: "no answer from " + a.address() + " in time", Next: "check that the server is alive, then try again", Err: err}
	case strings.Contains(err.Error(), "get credentials") || strings.Contains(err.Error(), "failed to refresh cached credentials"):
		return &Error{
			Message: "no credentials for " + a.address(),
			Next:    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --profile",
			Err:     err,
		}
	case errors.As(err, &path):
		return &Error{Message: path.Error(), Exit: ExitUsage, Err: err}
	}
	if s := err.Error(); strings.HasPrefix(s, "unknown command ") || strings.HasPrefix(s, "accepts ") || strings.HasPrefix(s, "required flag") {
		return &Error{Message: oneLine(s), Exit: ExitUsage, Err: err} // cobra's own checks
	}
	return &Error{Message: oneLine(plainMessage(err.Error())), Err: err}
}

func translateAPI(api smithy.APIError, err error) *Error {
	e := &Error{Message: oneLine(plainMessage(api.ErrorMessage())), Err: err}
	if e.Message == "" {
		e.Message = api.ErrorCode()
	}
	switch api.ErrorCode() {
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
		"InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationTokenException", "ExpiredTokenException":
		e.Next = "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --profile"
	case "TooManyRequestsException", "ThrottlingException":
		e.Next = "wait a moment and try again"
	}
	return e
}

// address names the server in messages.
func (a *App) address() string {
	t, err := a.flags.resolve(a.Env)
	if err != nil {
		return a.flags.endpoint
	}
	if t.endpoint == "" {
		return "AWS Batch in " + firstOf(t.region, "the configured region")
	}
	return t.endpoint
}

var (
	// wrapped is how AWS Batch dresses many of its messages.
	wrapped   = regexp.MustCompile(`(?s)^Error executing request, Exception : (.*?)(?:, RequestId: [0-9a-fA-F-]+)?$`)
	operation = regexp.MustCompile(`(?s)^operation error [^:]+: [A-Za-z]+, `)
)

// plainMessage takes the SDK's and the service's wrapping off a message.
func plainMessage(s string) string {
	s = operation.ReplaceAllString(strings.TrimSpace(s), "")
	if m := wrapped.FindStringSubmatch(s); m != nil {
		s = strings.TrimSpace(m[1])
	}
	return s
}

// missingFields says which members of a request the SDK found missing, in the wire's
// spelling.
func missingFields(e smithy.InvalidParamsError) string {
	var fields []string
	for _, part := range e.Errs() {
		param, ok := part.(smithy.InvalidParamError)
		if !ok {
			continue
		}
		name := param.Field()
		if _, rest, ok := strings.Cut(name, "."); ok { // "SubmitJobInput.JobName"
			name = rest
		}
		steps := strings.Split(name, ".")
		for i, s := range steps {
			steps[i] = lowerFirst(s)
		}
		fields = append(fields, strings.Join(steps, "."))
	}
	if len(fields) == 1 {
		return fields[0] + " is required"
	}
	return strings.Join(fields, ", ") + " are required"
}

// oneLine keeps an error to a line: what a log or a script expects.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
