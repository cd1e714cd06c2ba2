package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/sigv4"
	"github.com/packhorse-batch/packhorse/internal/wire"
)

// Codes of errors that the door itself finds.
const (
	codeSerialization = "SerializationException" // the request cannot be read
	codeTooLarge      = "RequestEntityTooLargeException"
	codeUnknown       = "UnknownOperationException" // there is no such call
	codeMethod        = "MethodNotAllowedException"
	codeDenied        = "AccessDeniedException"
	codeServer        = "ServerException"
)

// failure is an error as the wire shows it; each protocol writes it in its form.
type failure struct {
	status  int // of HTTP
	code    string
	message string
	allow   string // the Allow header, for 405
}

func (f *failure) Error() string { return f.code + ": " + f.message }

// failed translates any error. What is nobody's fault but ours is logged, and the
// answer names the id under which.
func (h *handler) failed(c *call, err error) *failure {
	if h.Explain != nil {
		err = h.Explain(err)
	}
	var (
		own    *failure
		domain *batch.Error
		text   *wire.Error
		signed *sigv4.Error
	)
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &domain):
		if domain.Code == batch.CodeServer {
			h.log.Error("request failed", "id", c.id, "path", c.path, "error", err, "cause", domain.Err)
		}
		status, code := onWire(domain.Code)
		return &failure{status: status, code: code, message: sentence(domain)}
	case errors.As(err, &text):
		return &failure{status: http.StatusBadRequest, code: codeSerialization, message: text.Error()}
	case errors.As(err, &signed):
		return &failure{status: http.StatusForbidden, code: string(signed.Code), message: signed.Message}
	}
	level := slog.LevelError
	if c.r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		level = slog.LevelDebug // the client went away
	}
	h.log.Log(c.r.Context(), level, "request failed", "id", c.id, "path", c.path, "error", err)
	return &failure{status: http.StatusInternalServerError, code: codeServer,
		message: "The request could not be served because of an error here; try again. The server's log has the cause under request id " + c.id + "."}
}

// onWire gives the HTTP status and the name of a code.
func onWire(code batch.Code) (int, string) {
	switch code {
	case batch.CodeInvalid, batch.CodeNotFound:
		return http.StatusBadRequest, string(batch.CodeInvalid)
	case batch.CodeDenied:
		return http.StatusForbidden, string(code)
	case batch.CodeThrottle:
		return http.StatusTooManyRequests, string(code)
	}
	return http.StatusInternalServerError, codeServer
}

// sentence is the message of an error with the next step in a sentence behind it.
// The message stays as it is: clients look for it.
func sentence(e *batch.Error) string {
	if e.Next == "" {
		return e.Message
	}
	var b strings.Builder
	b.WriteString(e.Message)
	if last, _ := utf8.DecodeLastRuneInString(e.Message); !strings.ContainsRune(".!?", last) {
		b.WriteByte('.')
	}
	first, size := utf8.DecodeRuneInString(e.Next)
	b.WriteByte(' ')
	b.WriteRune(unicode.ToUpper(first))
	b.WriteString(e.Next[size:])
	if !strings.HasSuffix(e.Next, ".") {
		b.WriteByte('.')
	}
	return b.String()
}

// clip shortens what a client sent before it is shown to it again.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
