package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/invocation"
	"github.com/packhorse-batch/packhorse/internal/sigv4"
	"github.com/packhorse-batch/packhorse/internal/wire"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// maxBody is the most that a request may have: 1 MiB. AWS Batch takes 30 KiB for a
// job and 24 KiB for a definition; which of the two it is, the Service knows.
const maxBody = 1 << 20

// Config says what the door opens to.
type Config struct {
	Service Service // required
	// Logs answers CloudWatch Logs; nil refuses its calls.
	Logs Logs
	// Fleet answers ECS and EC2; nil refuses their calls.
	Fleet Fleet
	// Types answers EC2's DescribeInstanceTypes; nil refuses it.
	Types *catalog.Catalog

	// Triggers answers what is asked of S3 triggers, and takes events; nil refuses that.
	Triggers Triggers
	// EventToken lets a sender of events in that cannot sign, such as MinIO's webhook: it
	// sends "Authorization: Bearer <token>". Empty lets none in.
	EventToken string

	// Account is whose ARNs are shown.
	Account batch.Account
	// Keys are the secrets by access key id. Without keys any credentials pass: only
	// for an address that LoopbackOnly accepts.
	Keys map[string]string
	// KeyOf finds further keys, each with a role; those in Keys may everything. nil: there
	// are none.
	KeyOf KeyOf
	// Hosts are names, besides localhost, addresses and names that no public DNS
	// server can give (see private), under which a server without keys answers.
	Hosts []string

	// More may replace an output by a struct that embeds it and has members of ours
	// beside the SDK's; SDKs skip those. nil leaves outputs as they are.
	More func(ctx context.Context, output any) any
	// Home answers what is no call of an API, such as the pages of a console. It has to
	// know its own visitors, but what a foreign page sends does not reach it. nil is a
	// page that says what this is.
	Home http.Handler
	// Healthy says whether GET /healthz is answered with 200; nil is always.
	Healthy func(context.Context) error

	// Explain may replace an error of what is behind the Service, such as a full disk,
	// by a *batch.Error that says what to do. Without one the caller is only told that
	// something failed here. nil leaves errors as they are.
	Explain func(error) error

	Log *slog.Logger     // nil logs nothing
	Now func() time.Time // nil is time.Now
}

type handler struct {
	Config
	log   *slog.Logger
	cross *http.CrossOriginProtection
}

// New returns the door. It panics without a Service.
func New(config Config) http.Handler {
	if config.Service == nil {
		panic("api.New: Config.Service is missing")
	}
	h := &handler{Config: config, log: config.Log, cross: http.NewCrossOriginProtection()}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Home == nil {
		h.Home = http.HandlerFunc(welcome)
	}
	return h
}

// call is one request on its way through the door.
type call struct {
	r    *http.Request
	w    http.ResponseWriter
	id   string // of the request: x-amzn-RequestId
	path string // percent-encoded, as it came
	body []byte

	// Who signed it for what, as it says; empty when it is not signed.
	access, region, service string
	role                    Role // what that key may
}

// protocol is one of the ways AWS services answer.
type protocol interface {
	// serve answers the call, or returns the error that refuse shall answer.
	serve(c *call) error
	refuse(c *call, f *failure)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{r: r, w: w, id: newRequestID(), path: r.URL.EscapedPath()}
	w.Header()["X-Amzn-Requestid"] = []string{c.id}
	if h.log.Enabled(r.Context(), slog.LevelDebug) {
		defer func(begin time.Time) {
			h.log.Debug("request", "id", c.id, "method", r.Method, "path", c.path, "service", c.service, "took", h.Now().Sub(begin))
		}(h.Now())
	}
	var speaks protocol = restJSON{h}
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			h.log.Error("panic while serving a request", "id", c.id, "path", c.path, "panic", v, "stack", string(debug.Stack()))
			speaks.refuse(c, &failure{status: http.StatusInternalServerError, code: codeServer,
				message: "The request could not be served because of an error here. The server's log has the cause under request id " + c.id + "."})
		}
	}()
	if c.path == "/healthz" {
		h.health(c)
		return
	}
	c.access, c.region, c.service, _ = sigv4.Scope(r)
	if h.isPage(c) {
		h.page(c)
		return
	}
	release, err := readBody(c)
	defer release()
	speaks = h.protocolOf(c)
	if _, lost := speaks.(elsewhere); lost {
		err = nil // whatever it is, it is told where to go
	} else if err == nil {
		err = h.letIn(c)
	}
	if err == nil {
		err = speaks.serve(c)
	}
	if err != nil {
		speaks.refuse(c, h.failed(c, err))
	}
}

// bodies keeps buffers for requests and answers.
var bodies = sync.Pool{New: func() any { return new(make([]byte, 0, 8<<10)) }}

// maxKept is the largest buffer that is kept for the next request.
const maxKept = 256 << 10

func keep(buffer *[]byte) {
	if cap(*buffer) <= maxKept {
		bodies.Put(buffer)
	}
}

// readBody reads the body, which is valid until release. Nothing that is decoded
// from it refers to it.
func readBody(c *call) (release func(), err error) {
	if c.r.ContentLength == 0 || c.r.Body == nil {
		return func() {}, nil
	}
	if c.r.ContentLength > maxBody {
		c.w.Header().Set("Connection", "close")
		drain(c.r)
		return func() {}, tooLarge()
	}
	buffer := bodies.Get().(*[]byte)
	b := (*buffer)[:0]
	limited := http.MaxBytesReader(c.w, c.r.Body, maxBody)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := limited.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			*buffer = b
			c.body = b
			if len(b) == maxBody {
				drain(c.r)
			}
			return func() { keep(buffer) }, bodyError(err)
		}
	}
}

// maxDrained is how much of a body that is too large is read and dropped.
const maxDrained = 32 << 20

// drain reads the rest of a body that is refused for its size. Clients that send all
// of it before they read would otherwise meet a closed connection instead of the answer.
// One that asks first, with "Expect: 100-continue", gets the answer without sending it.
func drain(r *http.Request) {
	if header(r, "Expect") == "" {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrained) // the answer does not depend on it
	}
}

func bodyError(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &large):
		return tooLarge()
	}
	return &failure{status: http.StatusBadRequest, code: codeSerialization, message: "the request body could not be read: " + err.Error()}
}

func tooLarge() error {
	return &failure{status: http.StatusRequestEntityTooLarge, code: codeTooLarge,
		message: "the request body is larger than " + strconv.Itoa(maxBody>>10) + " KiB; AWS Batch takes 30 KiB for a job and 24 KiB for a job definition, put more into a file that the job reads"}
}

// restJSON is the protocol of AWS Batch.
type restJSON struct{ *handler }

func (h restJSON) serve(c *call) error {
	op, err := find(c.r.Method, c.path)
	if err != nil {
		return err
	}
	if op.serve == nil {
		return &failure{status: http.StatusBadRequest, code: string(batch.CodeInvalid),
			message: op.name + " is not supported yet. " + op.instead + "."}
	}
	if err := c.mayCall(op.name); err != nil {
		return err
	}
	ctx := invocation.With(c.r.Context(), header(c.r, invocation.Header))
	out, err := op.serve(ctx, h.Service, c)
	if err != nil {
		return err
	}
	if h.More != nil {
		out = h.More(ctx, out)
	}
	return c.json(http.StatusOK, contentJSON, out)
}

func (restJSON) refuse(c *call, f *failure) {
	c.w.Header()["X-Amzn-Errortype"] = []string{f.code}
	if f.allow != "" {
		c.w.Header().Set("Allow", f.allow)
	}
	_ = c.json(f.status, contentJSON, struct{ Message string }{f.message})
}

// header returns the first value of a header whose name is in canonical form.
func header(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Values of Content-Type, shared by all answers.
var (
	contentJSON   = []string{"application/json"}
	contentJSON11 = []string{"application/x-amz-json-1.1"}
	contentXML    = []string{"text/xml;charset=UTF-8"}
)

// json answers with v. It fails, with nothing written, when v is not for JSON.
func (c *call) json(status int, contentType []string, v any) error {
	buffer := bodies.Get().(*[]byte)
	defer keep(buffer)
	text, err := wire.Append((*buffer)[:0], v)
	if err != nil {
		return err
	}
	*buffer = text
	c.write(status, contentType, text)
	return nil
}

func (c *call) write(status int, contentType []string, body []byte) {
	header := c.w.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // the client is gone: nobody is left to tell
}

// isPage tells what a browser asks for from a call of an API.
func (h *handler) isPage(c *call) bool {
	switch {
	case c.service != "" || strings.HasPrefix(c.path, versionPath) || header(c.r, "X-Amz-Target") != "" || aboutTriggers(c.path):
		return false
	case c.path == "/":
		return c.r.Method != http.MethodPost
	}
	return true
}
