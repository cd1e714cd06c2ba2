package main

import (
	"bytes"
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute/local"
	"github.com/packhorse-batch/packhorse/compute/local/docker"
	"github.com/packhorse-batch/packhorse/internal/cli"
	"github.com/packhorse-batch/packhorse/internal/demo"
)

// In the demo's jobs this test binary is the packhorse program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == demo.TaskCommand {
		os.Exit(cli.Main(os.Args[1:], serverCommands()...))
	}
	os.Exit(m.Run())
}

// patience bounds each wait; waits end as soon as they can.
const patience = 2 * time.Minute

// transcript is what a server has printed so far.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // holds a value when something was written since the last look
}

func newTranscript() *transcript { return &transcript{written: make(chan struct{}, 1)} }

func (tr *transcript) Write(p []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	select {
	case tr.written <- struct{}{}:
	default:
	}
	return tr.text.Write(p)
}

func (tr *transcript) String() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String()
}

// await waits until a pattern was printed, and returns its match and groups.
func (tr *transcript) await(t *testing.T, pattern string) []string {
	t.Helper()
	re, deadline := regexp.MustCompile(pattern), time.After(patience)
	for {
		if m := re.FindStringSubmatch(tr.String()); m != nil {
			return m
		}
		select {
		case <-tr.written:
		case <-deadline:
			t.Fatalf("no %q after %v in:\n%s", pattern, patience, tr)
		}
	}
}

// startServer runs `packhorse serve --demo` over a data folder. The function that it
// returns stops the server.
func startServer(t *testing.T, mode local.Mode, data, source string) (*transcript, func()) {
	t.Helper()
	var f serveFlags
	f.Listen, f.Data, f.Network = "127.0.0.1:0", data, docker.NetworkNone
	f.Account.ID, f.Account.Region = defaultAccount, defaultRegion
	f.runtime, f.demo, f.demoSource = string(mode), true, source
	out := newTranscript()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, f, out, out) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve = %v", err)
		}
	})
	t.Cleanup(stop)
	return out, stop
}

// sourceTree is a tree of Go files whose identifiers are easily counted: each of 30
// files has "counted" twice.
func sourceTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 30 {
		name := filepath.Join(dir, string(rune('a'+i%26))+strings.Repeat("x", i/26)+".go")
		if err := os.WriteFile(name, []byte("package p\n\nvar _ = counted + counted // counted\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wholeDemo starts a server that runs the demo, starts it again, and runs the demo
// once more from the command line.
func wholeDemo(t *testing.T, mode local.Mode) {
	data, source := t.TempDir(), sourceTree(t)
	first, stop := startServer(t, mode, data, source)
	if mode == local.Docker {
		tag := first.await(t, `Made the image (packhorse-demo:[0-9a-f]+)`)[1]
		t.Cleanup(func() { removeImage(t, tag) })
	}
	first.await(t, `Packhorse goes on serving at http://127\.0\.0\.1:\d+ until Ctrl-C`)
	stop()
	for _, want := range []string{
		"count  SUCCEEDED  [########################] 8/8: 8 SUCCEEDED\n",
		"flaky  SUCCEEDED  succeeded on attempt 2\n",
		"The 3 most used identifiers in " + source + ":\n",
		"\n1  counted        60  50.0 %        30  ########################\n",
		"\n30 files, 90 lines, 120 identifiers (3 different), 1.4 kB.\n",
		"  attempt 1  exit code 75 ",
		"  attempt 2  exit code 0 ",
	} {
		if !strings.Contains(first.String(), want) {
			t.Errorf("no %q in the first start:\n%s", want, first)
		}
	}

	second, stop := startServer(t, mode, data, source)
	second.await(t, "The demo was shown on the first start")
	if strings.Contains(second.String(), "First start") {
		t.Errorf("the second start lost its state:\n%s", second)
	}
	address := second.await(t, `serves AWS Batch at (http://\S+)`)[1]

	one := t.TempDir()
	if err := os.WriteFile(filepath.Join(one, "one.go"), []byte("package single\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--source", one}, nil} {
		var out, progress bytes.Buffer
		app := cli.NewApp()
		app.Out, app.Err = cli.Stream{Writer: &out}, cli.Stream{Writer: &progress}
		code := app.Run(t.Context(), append([]string{"demo", "--endpoint", address}, args...), serverCommands()...)
		want := "The 3 most used identifiers in " + source + ":\n"
		if args != nil {
			want = "\n1 file, 1 line, 1 identifier (1 different), 15 B.\n"
		}
		if code != cli.ExitOK || !strings.Contains(out.String(), want) {
			t.Errorf("packhorse demo %v: exit code %d\n%s%s", args, code, out.String(), progress.String())
		}
	}
	stop()
}

func TestTheDemoInProcesses(t *testing.T) { wholeDemo(t, local.Process) }

func TestTheDemoInContainers(t *testing.T) {
	if _, err := docker.Probe(t.Context(), ""); err != nil {
		t.Skip("needs a Docker Engine:", err)
	}
	program, err := elf.Open(os.Args[0])
	if err != nil {
		t.Skip("needs a test binary for Linux:", err)
	}
	defer program.Close()
	for _, segment := range program.Progs {
		if segment.Type == elf.PT_INTERP {
			runStatic(t)
			return
		}
	}
	wholeDemo(t, local.Docker)
}

// runStatic runs this test again in a test binary without shared libraries: the demo's
// image is made of the binary that runs, and has nothing else in it.
func runStatic(t *testing.T) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "static.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build a static test binary: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), binary, "-test.run=^"+t.Name()+"$", "-test.v").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as a static binary: %v\n%s", err, out)
	}
}

// removeImage removes the image that was made of this test binary.
func removeImage(t *testing.T, tag string) {
	api, err := client.New(client.FromEnv)
	if err != nil {
		t.Error(err)
		return
	}
	defer api.Close()
	if _, err := api.ImageRemove(context.Background(), tag, client.ImageRemoveOptions{Force: true, PruneChildren: true}); err != nil {
		t.Error(err)
	}
}
