package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/packhorse-batch/packhorse"

// systems are the operating systems whose files are looked at: a build constraint
// must not hide an import.
var systems = []string{"linux", "darwin", "windows"}

// pkg is the part of go list's answer that is used. Tests' imports are no part of it.
type pkg struct {
	ImportPath string
	Dir        string
	Standard   bool
	Imports    []string
}

// graph is all packages of the module and all that they link, by import path.
type graph map[string]pkg

// load asks go list, which also answers for packages that do not compile.
func load(t *testing.T, system string) graph {
	t.Helper()
	program, err := exec.LookPath("go")
	if err != nil {
		t.Skip("asks the go command, which is not here:", err)
	}
	list := exec.CommandContext(t.Context(), program, "list", "-e", "-deps", "-json=ImportPath,Dir,Standard,Imports", module+"/...")
	list.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := list.Start(); err != nil {
		t.Fatal(err)
	}
	g := graph{}
	for decoder := json.NewDecoder(out); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		g[p.ImportPath] = p
	}
	if err := list.Wait(); err != nil {
		t.Fatalf("go list: %v", err)
	}
	return g
}

// ours lists this module's packages in order, by their path in the repository.
func (g graph) ours() []string {
	var names []string
	for path := range g {
		if name, ok := inside(path); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// inside returns the path in the repository of a package of this module.
func inside(path string) (string, bool) {
	return strings.CutPrefix(path, module+"/")
}

// link returns how a package comes to link one that matches, shortest first: the
// packages in between, both ends included; nil when it does not.
func (g graph) link(from string, match func(path string) bool) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		if path != from && match(path) {
			chain := []string{path}
			for at := before[path]; at != ""; at = before[at] {
				chain = append(chain, at)
			}
			slices.Reverse(chain)
			return chain
		}
		for _, next := range g[path].Imports {
			if _, seen := before[next]; !seen {
				before[next] = path
				queue = append(queue, next)
			}
		}
	}
	return nil
}

// matches tells whether a path is one of the patterns: itself, or, for "store/...",
// also what is under it.
func matches(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		tree, isTree := strings.CutSuffix(pattern, "/...")
		return path == tree || isTree && strings.HasPrefix(path, tree+"/")
	})
}
