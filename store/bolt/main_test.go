package bolt_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Some tests need another process: they start this test binary again, with the
// name of what it shall do in childVariable and the file in fileVariable.
const (
	childVariable = "PACKHORSE_BOLT_TEST_CHILD"
	fileVariable  = "PACKHORSE_BOLT_TEST_FILE"
)

// children are the things that such a process does. They return its exit code.
var children = map[string]func(path string) int{
	"write until killed": writeUntilKilled,
	"write when told":    writeWhenTold,
}

func TestMain(m *testing.M) {
	if child := os.Getenv(childVariable); child != "" {
		os.Exit(children[child](os.Getenv(fileVariable)))
	}
	code := m.Run()
	if filledFolder != "" {
		os.RemoveAll(filledFolder)
	}
	os.Exit(code)
}

// child is another process.
type child struct {
	*exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

func startChild(t *testing.T, what, path string, env ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), childVariable+"="+what, fileVariable+"="+path), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &child{cmd, in, bufio.NewScanner(out)}
}

// line is the next line that the child prints.
func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("the other process ended: %v", c.lines.Err())
	}
	return c.lines.Text()
}
