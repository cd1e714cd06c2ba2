package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// Planner says which hosts a queue as it stands would get. A [Service] may be one.
type Planner interface {
	// PlanQueue writes nothing.
	PlanQueue(ctx context.Context, queue string) (*batch.QueuePlan, error)
}

// Pricer says where the prices are from that a [Service] plans with. A Service may be one.
type Pricer interface {
	PriceSources(ctx context.Context) (*batch.PriceSources, error)
}

// planPattern is where the plan of a queue is; {} stands for its name. pricesPath is where
// the age of the prices is.
const (
	planPattern = ownPath + "queues/{}/plan"
	pricesPath  = ownPath + "prices"
)

// aboutPlans reports whether a path is one that planCalls answers.
func aboutPlans(path string) bool {
	return strings.HasPrefix(path, ownPath+"queues/") || path == pricesPath
}

// planCalls answers GET /packhorse/v1/queues/{name}/plan and /packhorse/v1/prices, in the
// manner of AWS Batch.
type planCalls struct{ *handler }

func (h planCalls) serve(c *call) error {
	queue, ok := fits(planPattern, c.path)
	switch {
	case !ok && c.path != pricesPath:
		return &failure{status: http.StatusNotFound, code: codeUnknown,
			message: "there is nothing at " + clip(c.path) + "; the plan of a queue is at " + strings.ReplaceAll(planPattern, "{}", "NAME")}
	case c.r.Method != http.MethodGet:
		return &failure{status: http.StatusMethodNotAllowed, code: codeMethod, allow: http.MethodGet,
			message: clip(c.path) + " takes GET, not " + clip(c.r.Method)}
	}
	if c.path == pricesPath {
		return h.prices(c)
	}
	planner, ok := h.Service.(Planner)
	if !ok {
		return &failure{status: http.StatusNotImplemented, code: "NotImplemented", message: "this server makes no plans"}
	}
	if err := c.mayCall("DescribeJobQueues"); err != nil {
		return err
	}
	plan, err := planner.PlanQueue(c.r.Context(), queue)
	if err != nil {
		return absent(err)
	}
	return c.json(http.StatusOK, contentJSON, plan)
}

func (h planCalls) prices(c *call) error {
	pricer, ok := h.Service.(Pricer)
	if !ok {
		return &failure{status: http.StatusNotImplemented, code: "NotImplemented", message: "this server does not tell the age of its prices"}
	}
	if err := c.mayCall("DescribeJobQueues"); err != nil {
		return err
	}
	sources, err := pricer.PriceSources(c.r.Context())
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, contentJSON, sources)
}

func (h planCalls) refuse(c *call, f *failure) { restJSON(h).refuse(c, f) }
