// Package program builds what the tests of the whole run: packhorse itself, and programs
// of their own.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build builds the program whose source is in a folder, seen from the test's, into the
// file output: without cgo, as what is released is built.
func Build(output, source string) error {
	build := exec.Command("go", "build", "-o", output, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", source, err, said)
	}
	return nil
}

// Main is for a TestMain: it builds programs, runs the tests and ends. The programs are
// sources by the variables that get their paths.
func Main(m *testing.M, programs map[*string]string) {
	code, err := run(m, programs)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, programs map[*string]string) (code int, err error) {
	dir, err := os.MkdirTemp("", "packhorse-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	for path, source := range programs {
		*path = filepath.Join(dir, filepath.Base(source))
		if err := Build(*path, source); err != nil {
			return 0, err
		}
	}
	return m.Run(), nil
}
