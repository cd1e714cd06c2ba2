package api

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// Triggers is what answers the calls about S3 triggers and takes events of S3;
// *triggers.Triggers is one. Inputs are unchecked, and errors as with [Service].
type Triggers interface {
	CreateTrigger(ctx context.Context, rule *batch.Trigger) (*batch.TriggerDetail, error)
	ListTriggers(ctx context.Context) ([]batch.TriggerDetail, error)
	DescribeTrigger(ctx context.Context, name string) (*batch.TriggerDetail, error)
	DeleteTrigger(ctx context.Context, name string) error

	ListDeadLetters(ctx context.Context, q batch.DeadLetterQuery) (letters []batch.DeadLetter, next string, err error)
	DescribeDeadLetter(ctx context.Context, id string) (*batch.DeadLetter, error)
	DeleteDeadLetter(ctx context.Context, id string) error
	RetryDeadLetter(ctx context.Context, id string) (*batch.TriggeredJob, error)

	// Handle serves a message of S3, or what carries one.
	Handle(ctx context.Context, message []byte) (*batch.TriggerReport, error)
}

const (
	// ownPath begins the paths of what AWS Batch does not have.
	ownPath = "/packhorse/v1/"
	// eventsPath takes events of S3.
	eventsPath = "/events/s3"
)

// aboutTriggers reports whether a path is one of those that triggerCalls answers.
func aboutTriggers(path string) bool {
	return path == eventsPath || strings.HasPrefix(path, ownPath)
}

// triggerRoute is one call about triggers.
type triggerRoute struct {
	method, path string // {} stands for one segment
	// operation is what a role must be allowed: see [Role.May].
	operation string
	serve     func(ctx context.Context, t Triggers, c *call, arg string) (any, error)
}

// triggerRoutes are all of them. Who may submit jobs may also send events and have a
// dead letter tried again: both are ways to submit one.
var triggerRoutes = []triggerRoute{
	{http.MethodPost, eventsPath, "SubmitJob", func(ctx context.Context, t Triggers, c *call, _ string) (any, error) {
		return t.Handle(ctx, c.body)
	}},
	{http.MethodPost, ownPath + "triggers", "CreateTrigger", func(ctx context.Context, t Triggers, c *call, _ string) (any, error) {
		rule := new(batch.Trigger)
		if err := strictly(c.body, rule); err != nil {
			return nil, err
		}
		return t.CreateTrigger(ctx, rule)
	}},
	{http.MethodGet, ownPath + "triggers", "ListTriggers", func(ctx context.Context, t Triggers, _ *call, _ string) (any, error) {
		all, err := t.ListTriggers(ctx)
		return struct{ Triggers []batch.TriggerDetail }{listed(all)}, err
	}},
	{http.MethodGet, ownPath + "triggers/{}", "DescribeTrigger", func(ctx context.Context, t Triggers, _ *call, name string) (any, error) {
		return t.DescribeTrigger(ctx, name)
	}},
	{http.MethodDelete, ownPath + "triggers/{}", "DeleteTrigger", func(ctx context.Context, t Triggers, _ *call, name string) (any, error) {
		return struct{}{}, t.DeleteTrigger(ctx, name)
	}},
	{http.MethodGet, ownPath + "deadletters", "ListDeadLetters", listDeadLetters},
	{http.MethodGet, ownPath + "deadletters/{}", "DescribeDeadLetter", func(ctx context.Context, t Triggers, _ *call, id string) (any, error) {
		return t.DescribeDeadLetter(ctx, id)
	}},
	{http.MethodDelete, ownPath + "deadletters/{}", "DeleteDeadLetter", func(ctx context.Context, t Triggers, _ *call, id string) (any, error) {
		return struct{}{}, t.DeleteDeadLetter(ctx, id)
	}},
	{http.MethodPost, ownPath + "deadletters/{}/retry", "SubmitJob", func(ctx context.Context, t Triggers, _ *call, id string) (any, error) {
		return t.RetryDeadLetter(ctx, id)
	}},
}

func listDeadLetters(ctx context.Context, t Triggers, c *call, _ string) (any, error) {
	query := c.r.URL.Query()
	q := batch.DeadLetterQuery{Trigger: query.Get("trigger"), NextToken: query.Get("nextToken")}
	if text := query.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, batch.Invalid("maxResults must be a number from 1 to %d, got %q.", batch.MaxDeadLetters, clip(text))
		}
		q.MaxResults = n
	}
	letters, next, err := t.ListDeadLetters(ctx, q)
	return struct {
		DeadLetters []batch.DeadLetter
		NextToken   string `json:"nextToken,omitempty"`
	}{listed(letters), next}, err
}

// listed makes a nil list an empty one: a list is shown also when nothing is in it.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// strictly reads a body of ours. Other than in the requests of SDKs, which know more
// than we do, an unknown member is a slip of the pen: a rule without its prefix would
// take every object.
func strictly(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("there is more behind its end")
	}
	if err != nil {
		return &failure{status: http.StatusBadRequest, code: codeSerialization,
			message: "the body cannot be read: " + strings.TrimPrefix(err.Error(), "json: ") + "; the members of a trigger are " +
				"name, bucket, prefix, suffix, events, jobQueue, jobDefinition, parameters, environment, command, shareIdentifier and tags"}
	}
	return nil
}

// triggerCalls answers the calls about triggers, in the manner of AWS Batch.
type triggerCalls struct{ *handler }

func (h triggerCalls) serve(c *call) error {
	route, arg, err := findTriggerRoute(c.r.Method, c.path)
	if err != nil {
		return err
	}
	if h.Triggers == nil {
		return &failure{status: http.StatusNotImplemented, code: "NotImplemented", message: "this server has no S3 triggers"}
	}
	if err := c.mayCall(route.operation); err != nil {
		return err
	}
	out, err := route.serve(c.r.Context(), h.Triggers, c, arg)
	if err != nil {
		return absent(err)
	}
	return c.json(http.StatusOK, contentJSON, out)
}

// absent answers 404 for what does not exist. AWS Batch answers 400, which clients of
// its own operations rely on; here a path names the thing.
func absent(err error) error {
	var domain *batch.Error
	if errors.As(err, &domain) && domain.Code == batch.CodeNotFound {
		return &failure{status: http.StatusNotFound, code: "NotFoundException", message: sentence(domain)}
	}
	return err
}

func (h triggerCalls) refuse(c *call, f *failure) { restJSON(h).refuse(c, f) }

// findTriggerRoute returns the route of a request, and the segment that {} stands for.
func findTriggerRoute(method, path string) (route triggerRoute, arg string, err error) {
	var allowed []string
	for _, r := range triggerRoutes {
		segment, ok := fits(r.path, path)
		if !ok {
			continue
		}
		if r.method == method {
			return r, segment, nil
		}
		allowed = append(allowed, r.method)
	}
	if len(allowed) > 0 {
		allow := strings.Join(allowed, ", ")
		return route, "", &failure{status: http.StatusMethodNotAllowed, code: codeMethod, allow: allow,
			message: clip(path) + " takes " + allow + ", not " + clip(method)}
	}
	return route, "", &failure{status: http.StatusNotFound, code: codeUnknown,
		message: "there is nothing at " + clip(path) + "; S3 triggers are at " + ownPath + "triggers, events that made no job at " +
			ownPath + "deadletters, and events are taken at " + eventsPath}
}

// fits compares a path with that of a route.
func fits(pattern, path string) (segment string, ok bool) {
	before, after, parted := strings.Cut(pattern, "{}")
	if !parted {
		return "", pattern == path
	}
	rest, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	escaped, ok := strings.CutSuffix(rest, after)
	if !ok || escaped == "" || strings.Contains(escaped, "/") {
		return "", false
	}
	segment, err := url.PathUnescape(escaped)
	return segment, err == nil
}

// eventToken returns the bearer token of a request that brings events.
func eventToken(c *call) (token string, found bool) {
	if c.path != eventsPath {
		return "", false
	}
	scheme, token, found := strings.Cut(header(c.r, "Authorization"), " ")
	return token, found && strings.EqualFold(scheme, "Bearer")
}

// checkEventToken lets in who knows the token.
func (h *handler) checkEventToken(token string) error {
	if h.EventToken != "" && subtle.ConstantTimeCompare([]byte(token), []byte(h.EventToken)) == 1 {
		return nil
	}
	return &failure{status: http.StatusForbidden, code: codeDenied,
		message: "the bearer token is not the one of this server; start the server with --event-token and give the sender the same, or sign with an access key"}
}
