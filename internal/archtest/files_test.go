package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	root = "../.."

	// longestFile is a bound in lines: a file has one subject, and what is longer has two.
	longestFile = 600
)

// eachFile calls visit with every file of the repository that a person wrote, by its
// path in it. Folders of tools, built files and recorded data are left out.
func eachFile(t *testing.T, visit func(path string, content []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if entry.IsDir() {
			switch entry.Name() {
			case ".git", "bin", "dist", "node_modules", "testdata":
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		visit(filepath.ToSlash(name), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesHaveOneSubject(t *testing.T) {
	eachFile(t, func(path string, content []byte) {
		lines := bytes.Count(content, []byte("\n"))
		if strings.HasSuffix(path, ".go") && lines > longestFile && !ast.IsGenerated(parse(t, path, content)) {
			t.Errorf("%s has %d lines, more than %d: part it by subject", path, lines, longestFile)
		}
	})
}

// TestPackagesAreExplained wants a package comment, which teaches the idea, in one
// file of each folder. A folder of nothing but tests has it in one of those.
func TestPackagesAreExplained(t *testing.T) {
	type folder struct{ code, tests, explained, testsExplained bool }
	folders := map[string]folder{}
	eachFile(t, func(path string, content []byte) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		f := folders[filepath.Dir(path)]
		explained := parse(t, path, content).Doc.Text() != ""
		if strings.HasSuffix(path, "_test.go") {
			f.tests, f.testsExplained = true, f.testsExplained || explained
		} else {
			f.code, f.explained = true, f.explained || explained
		}
		folders[filepath.Dir(path)] = f
	})
	for name, f := range folders {
		if f.code && !f.explained || !f.code && f.tests && !f.testsExplained {
			t.Errorf("%s has no package comment: say above one package clause what it is for", name)
		}
	}
}

func parse(t *testing.T, path string, content []byte) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, content, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return file
}

// someonesMachine is an absolute path that means nothing to a reader: somebody's home
// or work folder.
var someonesMachine = regexp.MustCompile("(?:^|[\\s\"'`(=:])(/(?:work|root|home/[a-z]+|Users/[A-Za-z]+)(?:/[^\\s\"'`)]*)?)(?:[\\s\"'`).,:]|$)")

func TestPagesNameNobodysFolders(t *testing.T) {
	eachFile(t, func(path string, content []byte) {
		page := strings.HasPrefix(path, "docs/") || strings.HasSuffix(path, ".md") || strings.HasPrefix(path, "build/") || path == "Makefile"
		if !page {
			return
		}
		for _, found := range someonesMachine.FindAllSubmatch(content, -1) {
			t.Errorf("%s names %s, a folder on somebody's machine: write the path from the repository's root", path, found[1])
		}
	})
}

// TestNothingIsPinned: modules are in go.mod because code uses them.
func TestNothingIsPinned(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root, "internal", "pin")); err == nil {
		t.Error("internal/pin is here: remove it and run go mod tidy; a module nobody imports is not needed")
	}
}
