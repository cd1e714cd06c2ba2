package clients

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/test/program"
)

const (
	// startPatience is how long a new server may take to answer on a busy machine.
	startPatience = 60 * time.Second
	// scriptPatience is how long one file of tests may take; they take seconds.
	scriptPatience = 5 * time.Minute
	// stopPatience is how long a server may take to end.
	stopPatience = 20 * time.Second
)

// TestClients runs each Python file of tests against one server.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server and other programs")
	}
	for _, need := range [][]string{{"python3", "-c", "import boto3"}, {"aws", "--version"}} {
		if out, err := exec.Command(need[0], need[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%s does not run here (%v): install boto3 and awscli with pip to have these tests\n%s", strings.Join(need, " "), err, out)
		}
	}
	files, err := filepath.Glob("test_*.py")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test_*.py beside this file: %v", err)
	}
	env := environment(t, serve(t))
	results := map[string]chan result{}
	for _, file := range files { // all at once: most of the time jobs are waited for
		module := strings.TrimSuffix(file, ".py")
		ended := make(chan result, 1)
		results[module] = ended
		go func() { ended <- python(t.Context(), env, module) }()
	}
	for module, ended := range results {
		t.Run(module, func(t *testing.T) {
			if r := <-ended; r.err != nil {
				t.Errorf("python3 -m unittest %s: %v\n%s", module, r.err, r.output)
			} else {
				t.Logf("%s", r.output)
			}
		})
	}
}

// result is how the tests of a file went.
type result struct {
	output []byte
	err    error
}

func python(ctx context.Context, env []string, module string) result {
	ctx, cancel := context.WithTimeout(ctx, scriptPatience)
	defer cancel()
	command := exec.CommandContext(ctx, "python3", "-m", "unittest", "-v", module)
	command.Env = env
	output, err := command.CombinedOutput()
	return result{output, err}
}

// environment is what a user sets to point all clients at a server.
func environment(t *testing.T, url string) []string {
	none := filepath.Join(t.TempDir(), "none")
	return append(os.Environ(), "AWS_ENDPOINT_URL="+url, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any", "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none,
		"AWS_PAGER=", "PYTHONDONTWRITEBYTECODE=1")
}

// serve builds packhorse, starts it for the length of the test, and returns its URL.
func serve(t *testing.T) string {
	dir := t.TempDir()
	binary := filepath.Join(dir, "packhorse")
	if err := program.Build(binary, "../../cmd/packhorse"); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	server := exec.Command(binary, "serve", "--data", filepath.Join(dir, "data"), "--runtime", "process",
		"--listen", address, "--max-vcpus", "8", "--idle-window", "1s")
	var output bytes.Buffer
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }()
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		select {
		case <-exited:
		case <-time.After(stopPatience):
			_ = server.Process.Kill()
			t.Errorf("the server did not end within %v of an interrupt", stopPatience)
			<-exited
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", output.String())
		}
	})
	url := "http://" + address
	for deadline := time.Now().Add(startPatience); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(url)
		if err == nil {
			_ = answer.Body.Close()
			return url
		}
		select {
		case err := <-exited:
			exited <- err
			t.Fatalf("the server ended before it answered: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not answer at %s: %v", url, err)
		}
	}
}

// freeAddress is an address of loopback that nobody listens on.
func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
