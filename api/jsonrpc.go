package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/packhorse-batch/packhorse/internal/wire"
)

// jsonRPC is AWS JSON 1.1, which ECS and CloudWatch Logs speak: POST / with the
// operation in X-Amz-Target.
type jsonRPC struct {
	*handler
	calls *callTable
}

// callTable are the operations of a service that are served.
type callTable struct {
	service string
	prefix  string   // of X-Amz-Target
	names   []string // in the order in which they are listed to people
	serve   map[string]func(context.Context, *handler, *call) (any, error)
}

// rpc makes the server of an operation from its function.
func rpc[I, O any](do func(*handler, context.Context, *I) (*O, error)) func(context.Context, *handler, *call) (any, error) {
	return func(ctx context.Context, h *handler, c *call) (any, error) {
		in := new(I)
		if err := wire.Unmarshal(c.body, in); err != nil {
			return nil, err
		}
		out, err := do(h, ctx, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

func (p jsonRPC) serve(c *call) error {
	target := header(c.r, "X-Amz-Target")
	name := strings.TrimPrefix(target, p.calls.prefix)
	serve, ok := p.calls.serve[name]
	if !ok || name == target || c.r.Method != http.MethodPost {
		what := "X-Amz-Target " + clip(target)
		if target == "" {
			what = "a request without X-Amz-Target"
		}
		return &failure{status: http.StatusBadRequest, code: codeUnknown,
			message: what + " is not served here; of " + p.calls.service + " Packhorse has " + strings.Join(p.calls.names, ", ")}
	}
	if err := c.mayCallOf(c.service, name); err != nil {
		return err
	}
	out, err := serve(c.r.Context(), p.handler, c)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, contentJSON11, out)
}

func (jsonRPC) refuse(c *call, f *failure) {
	c.w.Header()["X-Amzn-Errortype"] = []string{f.code}
	_ = c.json(f.status, contentJSON11, struct {
		Type    string `json:"__type"`
		Message string
	}{f.code, f.message})
}
