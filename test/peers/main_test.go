package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// packhorse is the binary under test.
var packhorse string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "packhorse-peers-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	packhorse = filepath.Join(dir, "packhorse")
	build := exec.Command("go", "build", "-o", packhorse, "../../cmd/packhorse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("go build: %w\n%s", err, text)
	}
	return m.Run(), nil
}
