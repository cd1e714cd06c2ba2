package docker

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"

	"github.com/packhorse-batch/packhorse/compute"
)

// fakeEngine answers as a small Docker Engine does: images are there or can be
// pulled, containers are made once per name, start, and run until removed.
type fakeEngine struct {
	*httptest.Server
	// Pull writes the stream of a pull; the image is there afterwards if it returns true.
	Pull func(w http.ResponseWriter, tell func(line string)) bool
	// Info is merged into what GET /info answers.
	Info map[string]any

	mu         sync.Mutex
	images     map[string]bool
	reserved   int           // creations that find the name taken by a container that is not there yet
	starts     chan struct{} // a start waits for it, unless nil
	pulls      int
	auth       string
	containers map[string]*fakeContainer // by id
}

type fakeContainer struct {
	container.CreateRequest
	id, name string
	started  time.Time
}

func newFakeEngine(t *testing.T) *fakeEngine {
	e := &fakeEngine{images: map[string]bool{}, containers: map[string]*fakeContainer{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	mux.HandleFunc("GET /v1.41/info", func(w http.ResponseWriter, _ *http.Request) {
		info := map[string]any{"ServerVersion": "20.10-fake", "NCPU": 4, "MemTotal": 8 << 30}
		for k, v := range e.Info {
			info[k] = v
		}
		answer(w, http.StatusOK, info)
	})
	mux.HandleFunc("GET /v1.41/events", func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /v1.41/containers/json", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, []any{}) })
	mux.HandleFunc("GET /v1.41/volumes", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, map[string]any{}) })
	mux.HandleFunc("POST /v1.41/images/create", e.pull)
	mux.HandleFunc("POST /v1.41/containers/create", e.create)
	mux.HandleFunc("POST /v1.41/containers/{id}/start", e.start)
	mux.HandleFunc("GET /v1.41/containers/{id}/json", e.inspect)
	mux.HandleFunc("DELETE /v1.41/containers/{id}", func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.containers, r.PathValue("id"))
		w.WriteHeader(http.StatusNoContent)
	})
	e.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		e.CloseClientConnections()
		e.Close()
	})
	return e
}

// host is the engine's address as DOCKER_HOST has it.
func (e *fakeEngine) host() string { return "tcp://" + strings.TrimPrefix(e.URL, "http://") }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func (e *fakeEngine) pull(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.pulls++
	e.auth = r.Header.Get("X-Registry-Auth")
	e.mu.Unlock()
	tell := func(line string) {
		fmt.Fprintln(w, line)
		w.(http.Flusher).Flush()
	}
	if e.Pull(w, tell) {
		e.mu.Lock()
		e.images[r.FormValue("fromImage")+":"+r.FormValue("tag")] = true
		e.mu.Unlock()
	}
}

func (e *fakeEngine) create(w http.ResponseWriter, r *http.Request) {
	c := &fakeContainer{name: r.FormValue("name"), id: random(32)}
	if err := json.NewDecoder(r.Body).Decode(&c.CreateRequest); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.images["docker.io/"+c.Image] && !e.images[c.Image] {
		answer(w, http.StatusNotFound, map[string]string{"message": "No such image: " + c.Image})
		return
	}
	taken := e.reserved > 0
	if taken {
		e.reserved--
	}
	for _, other := range e.containers {
		taken = taken || other.name == c.name
	}
	if taken {
		answer(w, http.StatusConflict, map[string]string{"message": "Conflict. The container name is already in use"})
		return
	}
	e.containers[c.id] = c
	answer(w, http.StatusCreated, map[string]any{"Id": c.id})
}

func (e *fakeEngine) start(w http.ResponseWriter, r *http.Request) {
	if e.starts != nil {
		<-e.starts
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.containers[r.PathValue("id")].started = time.Now()
	w.WriteHeader(http.StatusNoContent)
}

func (e *fakeEngine) inspect(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.containers[r.PathValue("id")]
	if c == nil {
		answer(w, http.StatusNotFound, map[string]string{"message": "No such container"})
		return
	}
	state := map[string]any{"Status": "created", "StartedAt": "0001-01-01T00:00:00Z", "FinishedAt": "0001-01-01T00:00:00Z"}
	if !c.started.IsZero() {
		state["Status"], state["Running"], state["StartedAt"] = "running", true, c.started.Format(time.RFC3339Nano)
	}
	answer(w, http.StatusOK, map[string]any{"Id": c.id, "Name": "/" + c.name, "State": state, "Config": map[string]any{"Labels": c.Labels}})
}

// one returns the only container there is.
func (e *fakeEngine) one(t *testing.T) *fakeContainer {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.containers) != 1 {
		t.Fatalf("the engine has %d containers, want one", len(e.containers))
	}
	for _, c := range e.containers {
		return c
	}
	return nil
}

func (e *fakeEngine) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.containers)
}

func (e *fakeEngine) pullCount() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pulls
}

// newFakeRig opens a runtime on a fake engine.
func newFakeRig(t *testing.T, e *fakeEngine) *rig {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	g := &rig{t: t, options: Options{Host: e.host(), Dir: t.TempDir(), Instance: "fake"}, changed: make(chan struct{})}
	g.open()
	t.Cleanup(g.close)
	return g
}

// unpulled is a task whose image must be pulled first.
func unpulled() compute.Task {
	return job("", first(func(c *compute.Container) { c.Image, c.LogStream = "genomics/aligner:1.2", "" }))
}
