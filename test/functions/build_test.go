package functions

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built are the binaries of functions, each made once for a run of the tests.
var built struct {
	mu   sync.Mutex
	dir  string
	done map[string]error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// binary is the path of a function's binary, built as it is shipped.
func binary(t testing.TB, name string) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "packhorse-functions-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir, built.done = dir, map[string]error{}
	}
	path := filepath.Join(built.dir, name)
	if _, known := built.done[name]; !known {
		command := exec.Command("go", "build", "-trimpath", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", path, "./functions/"+name)
		command.Dir = "../.."
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := command.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("build the function %s: %w\n%s", name, err, out)
		}
		built.done[name] = err
	}
	if err := built.done[name]; err != nil {
		t.Fatal(err)
	}
	return path
}
