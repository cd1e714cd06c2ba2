package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/logs"
)

// busybox is the program that the test image is made of; Debian's busybox-static.
const busybox = "/bin/busybox"

// testImage is made once for all tests and removed at the end.
var testImage = "packhorse-test-" + random(4) + ":latest"

// patience bounds every wait of the tests; it is never reached when all is well.
const patience = 60 * time.Second

func random(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if imageMade.done {
		removeImage("")
	}
	os.Exit(code)
}

func removeImage(host string) {
	if api, err := newClient(host); err == nil {
		api.ImageRemove(context.Background(), testImage, client.ImageRemoveOptions{Force: true, PruneChildren: true})
	}
}

// imageMade makes the test image when the first test needs it.
var imageMade struct {
	sync.Mutex
	done bool
}

// needEngine skips a test where no engine answers or busybox is missing.
func needEngine(t testing.TB) {
	t.Helper()
	if _, err := Probe(t.Context(), ""); err != nil {
		t.Skip("needs a Docker Engine:", err)
	}
	if _, err := os.Stat(busybox); err != nil {
		t.Skip("needs a static busybox to make an image of:", err)
	}
}

// busyboxFiles is an image with busybox and a shell's usual commands.
func busyboxFiles(t testing.TB) []ImageFile {
	t.Helper()
	program, f, err := FileOf(busybox, "/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	program.Mode = 0o755
	files := []ImageFile{
		{Path: "/bin", Mode: fs.ModeDir | 0o755},
		{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Path: "/etc", Mode: fs.ModeDir | 0o755},
		program,
		{Path: "/etc/passwd", Mode: 0o644, Content: strings.NewReader(passwd), Size: int64(len(passwd))},
	}
	for _, name := range strings.Fields("sh sleep echo cat dd tail env df ls id grep true false test touch printf tr seq date stat kill head nc hostname wc") {
		files = append(files, ImageFile{Path: "/bin/" + name, Link: "busybox"})
	}
	return files
}

const passwd = "root:x:0:0:root:/:/bin/sh\nworker:x:1234:1234:worker:/:/bin/sh\n"

// rig is a runtime on the real engine with an instance of its own, and a watcher.
type rig struct {
	*Runtime
	t       testing.TB
	options Options
	stop    context.CancelFunc
	ended   chan struct{}

	mu      sync.Mutex
	news    []compute.TaskStatus
	changed chan struct{}
}

// newRig opens a runtime. All that its instance leaves behind is removed at the end.
func newRig(t testing.TB, adjust ...func(*Options)) *rig {
	t.Helper()
	needEngine(t)
	store, err := logs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		Logs: store, Instance: "test-" + random(6), Dir: filepath.Join(t.TempDir(), "pending"), Network: NetworkNone,
		Log: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, a := range adjust {
		a(&options)
	}
	g := &rig{t: t, options: options, changed: make(chan struct{})}
	t.Cleanup(func() { removeInstance(t, options) })
	g.open()
	t.Cleanup(g.close)
	g.makeImage()
	return g
}

func (g *rig) makeImage() {
	g.t.Helper()
	imageMade.Lock()
	defer imageMade.Unlock()
	if imageMade.done && g.options.Host == "" {
		return
	}
	if err := g.ImportImage(g.t.Context(), testImage, busyboxFiles(g.t), "ENV FROM_IMAGE=yes", `CMD ["/bin/echo","the image's own command"]`); err != nil {
		g.t.Fatal(err)
	}
	imageMade.done = imageMade.done || g.options.Host == ""
}

// open starts the runtime, again after close.
func (g *rig) open() {
	g.t.Helper()
	r, err := Open(g.t.Context(), g.options)
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.Runtime, g.stop, g.ended = r, cancel, make(chan struct{})
	go func() {
		defer close(g.ended)
		r.Watch(ctx, g.take)
	}()
}

// close lets go of the engine, as the end of the process does.
func (g *rig) close() {
	g.stop()
	<-g.ended
	g.Runtime.Close()
}

// reopen is a restart of the server. News of before are forgotten.
func (g *rig) reopen() {
	g.t.Helper()
	g.close()
	g.mu.Lock()
	g.news = nil
	g.mu.Unlock()
	g.open()
}

func (g *rig) take(items []compute.News) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, n := range items {
		g.news = append(g.news, *n.Task)
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// await waits for news of a task that satisfy want.
func (g *rig) await(id, what string, want func(compute.TaskStatus) bool) compute.TaskStatus {
	g.t.Helper()
	limit := time.After(patience)
	for {
		g.mu.Lock()
		for _, s := range g.news {
			if s.ID == id && want(s) {
				g.mu.Unlock()
				return s
			}
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-limit:
			g.t.Fatalf("task %s: no news that it is %s; news: %+v", id, what, g.newsOf(id))
		}
	}
}

func (g *rig) awaitState(id string, state compute.TaskState) compute.TaskStatus {
	g.t.Helper()
	return g.await(id, string(state), func(s compute.TaskStatus) bool { return s.State == state })
}

func (g *rig) newsOf(id string) (list []compute.TaskStatus) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.news {
		if s.ID == id {
			list = append(list, s)
		}
	}
	return list
}

// job builds a task of one container that runs a shell script.
func job(script string, adjust ...func(*compute.Task)) compute.Task {
	id := random(16)
	task := compute.Task{
		ID: id, JobID: "job-" + id[:8], Attempt: 1, Cluster: "local", Host: "host-1",
		Containers: []compute.Container{shell("default", id, script)},
	}
	for _, a := range adjust {
		a(&task)
	}
	return task
}

func shell(name, taskID, script string) compute.Container {
	return compute.Container{
		Name: name, Image: testImage, Command: []string{"/bin/sh", "-c", script}, Essential: true,
		Need:     batch.Resources{MilliVCPU: 250, MemoryMiB: 64},
		LogGroup: "/aws/batch/job", LogStream: "test/" + name + "/" + taskID,
		StopTimeout: 2 * time.Second,
	}
}

// first adjusts the first container of a task.
func first(adjust func(*compute.Container)) func(*compute.Task) {
	return func(task *compute.Task) { adjust(&task.Containers[0]) }
}

func (g *rig) run(task compute.Task) compute.Task {
	g.t.Helper()
	if err := g.Run(g.t.Context(), task); err != nil {
		g.t.Fatalf("Run(%s) = %v", task.ID, err)
	}
	return task
}

// finish runs a task to its end and returns it with its output.
func (g *rig) finish(task compute.Task) (compute.TaskStatus, string) {
	g.t.Helper()
	g.run(task)
	status := g.awaitState(task.ID, compute.TaskStopped)
	return status, g.output(task.Containers[0])
}

// output is what a container wrote, as it stands in its log stream.
func (g *rig) output(c compute.Container) string {
	g.t.Helper()
	var b strings.Builder
	token := ""
	for {
		page, err := g.options.Logs.Events(g.t.Context(), c.LogGroup, c.LogStream, logs.EventsQuery{FromHead: true, Token: token})
		if err != nil {
			return fmt.Sprintf("(%v)", err)
		}
		for _, e := range page.Events {
			b.WriteString(e.Message + "\n")
		}
		if page.Forward == token || len(page.Events) == 0 {
			return b.String()
		}
		token = page.Forward
	}
}

// engineHas inspects the container of a task by name.
func (g *rig) engineHas(task compute.Task) (client.ContainerInspectResult, bool) {
	g.t.Helper()
	c, err := g.api.ContainerInspect(context.Background(), containerName(&task, 0), client.ContainerInspectOptions{})
	return c, err == nil
}

func exitCode(s compute.TaskStatus, index int) int {
	if index >= len(s.Containers) || s.Containers[index].ExitCode == nil {
		return -1
	}
	return int(*s.Containers[index].ExitCode)
}

// removeInstance removes what a test made, and nothing else.
func removeInstance(t testing.TB, options Options) {
	api, err := newClient(options.Host)
	if err != nil {
		return
	}
	defer api.Close()
	ctx := context.Background()
	ours := client.Filters{}.Add("label", labelInstance+"="+options.Instance)
	list, _ := api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: ours})
	for _, c := range list.Items {
		api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	}
	volumes, _ := api.VolumeList(ctx, client.VolumeListOptions{Filters: ours})
	for _, v := range volumes.Items {
		api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
	}
}

// testWriter sends the runtime's log to the test's.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	defer func() { recover() }() // a line after the end of the test
	w.t.Logf("%s", strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

var forced = client.ContainerRemoveOptions{Force: true}

func clientVolumes(f client.Filters) client.VolumeListOptions {
	return client.VolumeListOptions{Filters: f}
}

var silent = slog.New(slog.DiscardHandler)
