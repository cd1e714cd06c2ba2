package stage

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/internal/demo"
)

// askGo is how long `go env` may take.
const askGo = 10 * time.Second

// usualRoots are where Go is often installed, for when the command is not in PATH.
var usualRoots = []string{"/usr/local/go", "/usr/lib/go", "/usr/lib/golang", "/opt/homebrew/opt/go/libexec", "/usr/local/opt/go/libexec"}

// source is the source tree that the demo counts: the one asked for, else the Go
// toolchain's, else the few files that this program carries.
func source(ctx context.Context, asked string) (string, error) {
	switch asked {
	case "":
	case demo.BuiltIn:
		return demo.BuiltIn, nil
	default:
		return Folder(asked)
	}
	for _, root := range append([]string{goRoot(ctx), os.Getenv("GOROOT")}, usualRoots...) {
		if tree, ok := toolchain(root); ok {
			return tree, nil
		}
	}
	return demo.BuiltIn, nil
}

// Folder is a source tree that somebody asked for, as a path without symbolic links:
// mounted in a container, those would point nowhere.
func Folder(asked string) (string, error) {
	path, err := filepath.Abs(asked)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", fmt.Errorf("the source tree %s cannot be read: %w; name a folder with Go files", asked, err)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return "", fmt.Errorf("the source tree %s is not a folder; name one with Go files", asked)
	}
	return path, nil
}

// goRoot asks the go command where its sources are; empty without one. The toolchain
// that is installed is meant, not one that a go.mod nearby would have downloaded.
func goRoot(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, askGo)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// toolchain returns the source tree of an installed toolchain. Debian has src as a
// symbolic link to elsewhere; then it alone is the tree.
func toolchain(root string) (string, bool) {
	if root == "" {
		return "", false
	}
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", false
	}
	src := filepath.Join(root, "src")
	entry, err := os.Lstat(src)
	if err != nil {
		return "", false
	}
	tree := root
	if entry.Mode()&fs.ModeSymlink != 0 {
		if src, err = filepath.EvalSymlinks(src); err != nil {
			return "", false
		}
		tree = src
	}
	// The folder may be there without sources: some distributions leave them out.
	if _, err := os.Stat(filepath.Join(src, "go", "scanner", "scanner.go")); err != nil {
		return "", false
	}
	return tree, true
}
