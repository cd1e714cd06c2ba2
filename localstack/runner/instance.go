package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"

	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

// The paths of the Runtime API.
const (
	runtimePath = "/2018-06-01/runtime/"
	nextPath    = runtimePath + "invocation/next"
)

// maxAnswer bounds the answer of a function: Lambda's own limit is 6 MB.
const maxAnswer = 8 << 20

// instance is one process of a function, and the Runtime API that it talks to.
type instance struct {
	name    string
	command *exec.Cmd
	server  *http.Server
	events  chan invocation
	gone    chan struct{} // closed when the process has ended
	once    sync.Once

	mu      sync.Mutex
	current *invocation
}

// invocation is one event on its way through a process.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	answers  chan answer
}

type answer struct {
	payload json.RawMessage
	err     error
}

// start starts a process. It has not asked for an event yet when start returns.
func start(o Options) (*instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &instance{name: o.Name, events: make(chan invocation), gone: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+nextPath, i.next)
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/response", i.responded)
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/error", i.failed)
	mux.HandleFunc("POST "+runtimePath+"init/error", i.failed)
	i.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = i.server.Serve(listener) }() // until stop closes it

	i.command = exec.Command(o.Binary)
	i.command.Env = append(o.Env[:len(o.Env):len(o.Env)],
		"AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME="+o.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=/var/task", "TZ=:UTC",
	)
	if o.Output != nil {
		i.command.Stdout, i.command.Stderr = o.Output, o.Output
	}
	endWithUs(i.command)
	if err := i.command.Start(); err != nil {
		i.server.Close()
		return nil, fmt.Errorf("start %s: %w; build it with make functions", o.Binary, err)
	}
	go func() {
		_ = i.command.Wait() // how it ended does not matter: whoever waits is told that it has
		close(i.gone)
	}()
	return i, nil
}

func (i *instance) stop() {
	i.once.Do(func() {
		i.server.Close()
		_ = i.command.Process.Kill() // it may have ended
	})
}

// invoke hands over an event and waits for the answer.
func (i *instance) invoke(ctx context.Context, payload []byte) (json.RawMessage, error) {
	deadline, _ := ctx.Deadline()
	v := invocation{id: uuid.NewString(), payload: payload, deadline: deadline, answers: make(chan answer, 1)}
	select {
	case i.events <- v:
	case <-i.gone:
		return nil, errExited
	case <-ctx.Done():
		return nil, fmt.Errorf("it did not ask for an event: %w", ctx.Err())
	}
	select {
	case a := <-v.answers:
		return a.payload, a.err
	case <-i.gone:
		return nil, errExited
	case <-ctx.Done():
		return nil, fmt.Errorf("task timed out: %w", ctx.Err())
	}
}

// next answers a process that waits for its next event.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	select {
	case v := <-i.events:
		i.mu.Lock()
		i.current = &v
		i.mu.Unlock()
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", v.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(v.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:"+i.name)
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(v.payload) // a process that is gone is noticed by gone
	case <-r.Context().Done():
	}
}

func (i *instance) responded(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	i.settle(r.PathValue("id"), answer{body, err})
	w.WriteHeader(http.StatusAccepted)
}

func (i *instance) failed(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	failure := &Error{Type: "Runtime.Unknown", Message: string(body)}
	if err == nil {
		_ = json.Unmarshal(body, failure) // what is no such message is told as it is
	}
	i.settle(r.PathValue("id"), answer{err: failure})
	w.WriteHeader(http.StatusAccepted)
}

// settle gives the answer to whoever waits for it. A process that fails before it has an
// event has no id to name.
func (i *instance) settle(id string, a answer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current == nil || id != "" && i.current.id != id {
		return
	}
	i.current.answers <- a
	i.current = nil
}
