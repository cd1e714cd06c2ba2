package peers

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	// startBound is how long a program may take until it answers. Each needs about two
	// seconds on an idle machine; on a busy one the start of a JVM or of Python with
	// all of moto can take twenty times that.
	startBound = 90 * time.Second
	// maxStarts bounds the attempts to start: a port that was free a moment ago may be
	// taken by the time the program listens on it.
	maxStarts = 3
)

// peer is a program that this test binary runs at most once.
type peer struct {
	name    string
	command func(port int) (*exec.Cmd, error)

	once     sync.Once
	endpoint string
	missing  error // the program is not installed
	broken   error // it is, but it does not start
}

// address starts the program unless it runs, and returns where it listens. A program
// that is not there skips the test; one that is there and does not start fails it.
func (p *peer) address(t testing.TB) string {
	t.Helper()
	endpoint, err := p.get()
	switch {
	case p.missing != nil:
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return endpoint
}

// get starts the program unless it runs, and returns where it listens.
func (p *peer) get() (string, error) {
	p.once.Do(p.start)
	if p.missing != nil {
		return "", fmt.Errorf("needs %s: %w", p.name, p.missing)
	}
	if p.broken != nil {
		return "", fmt.Errorf("%s does not start: %w", p.name, p.broken)
	}
	return p.endpoint, nil
}

func (p *peer) start() {
	for range maxStarts {
		port, err := freePort()
		if err != nil {
			p.broken = err
			return
		}
		cmd, err := p.command(port)
		if err != nil {
			p.missing = err
			return
		}
		endpoint := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if p.broken = launch(cmd, endpoint); p.broken == nil {
			p.endpoint = endpoint
			return
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// launch starts a program and waits until it answers at endpoint.
func launch(cmd *exec.Cmd, endpoint string) error {
	output, err := os.CreateTemp("", "packhorse-peer-*.log")
	if err != nil {
		return err
	}
	defer output.Close()
	defer os.Remove(output.Name()) // the program keeps it open; no one reads it after the start
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return err
	}
	leash, err := tie(cmd.Process.Pid)
	if err != nil {
		return errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
		leash.release()
	}()
	if err := answers(endpoint, ended); err != nil {
		_ = cmd.Process.Kill() // fails only when it has ended
		<-ended
		return fmt.Errorf("%w; it said:\n%s", err, tail(output.Name()))
	}
	return nil
}

// answers waits until something answers at endpoint; what it answers does not matter.
func answers(endpoint string, ended <-chan struct{}) error {
	client := &http.Client{Timeout: 5 * time.Second}
	deadline := time.After(startBound)
	again := time.NewTicker(50 * time.Millisecond) // there is no signal but its answer
	defer again.Stop()
	for {
		if resp, err := client.Get(endpoint); err == nil {
			return resp.Body.Close()
		}
		select {
		case <-ended:
			return errors.New("the program ended before it answered")
		case <-deadline:
			return fmt.Errorf("no answer at %s within %v", endpoint, startBound)
		case <-again.C:
		}
	}
}

// tail is the end of what the program printed.
func tail(path string) []byte {
	const most = 2000
	text, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-most):]
}
