package stage

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute/local/docker"
	"github.com/packhorse-batch/packhorse/internal/demo"
)

// registry keeps job definitions as a server does.
type registry struct {
	revisions map[string][]types.JobDefinition
}

func (r *registry) DescribeJobDefinitions(_ context.Context, in *batch.DescribeJobDefinitionsInput) (*batch.DescribeJobDefinitionsOutput, error) {
	all := slices.Clone(r.revisions[*in.JobDefinitionName])
	slices.Reverse(all)
	return &batch.DescribeJobDefinitionsOutput{JobDefinitions: all}, nil
}

func (r *registry) RegisterJobDefinition(_ context.Context, in *batch.RegisterJobDefinitionInput) (*batch.RegisterJobDefinitionOutput, error) {
	if r.revisions == nil {
		r.revisions = map[string][]types.JobDefinition{}
	}
	name := *in.JobDefinitionName
	r.revisions[name] = append(r.revisions[name], types.JobDefinition{ContainerProperties: in.ContainerProperties, Tags: in.Tags})
	return &batch.RegisterJobDefinitionOutput{}, nil
}

// engine keeps the names of images, and what was put into the last one.
type engine struct {
	images []string
	files  []docker.ImageFile
}

func (e *engine) Info() docker.Info { return docker.Info{Arch: "x86_64"} }

func (e *engine) HasImage(_ context.Context, image string) (bool, error) {
	return slices.Contains(e.images, image), nil
}

func (e *engine) ImportImage(_ context.Context, tag string, files []docker.ImageFile, _ ...string) error {
	e.images, e.files = append(e.images, tag), files
	return nil
}

func options(t *testing.T) Options {
	return Options{Definitions: &registry{}, Program: "/bin/packhorse", Folder: filepath.Join(t.TempDir(), "demo"), Source: demo.BuiltIn}
}

// prepare calls Prepare and compares how many definitions were registered.
func prepare(t *testing.T, o Options, registered int) Ready {
	t.Helper()
	ready, err := Prepare(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if ready.Registered != registered {
		t.Errorf("%d definitions registered, want %d", ready.Registered, registered)
	}
	return ready
}

func TestDefinitionsAreRegisteredWhenTheyChange(t *testing.T) {
	o := options(t)
	prepare(t, o, 3)
	prepare(t, o, 0)
	o.Source = t.TempDir()
	prepare(t, o, 2) // count has another source, merge another label
	prepare(t, o, 0)
	o.Program = "/opt/packhorse"
	prepare(t, o, 3)
}

func TestTheFolderOfResultsTakesFilesOfAnyUser(t *testing.T) {
	o := options(t)
	prepare(t, o, 3)
	for path, want := range map[string]os.FileMode{o.Folder: 0o700, filepath.Join(o.Folder, "results"): 0o777} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode().Perm(), err, want)
		}
	}
}

// staticProgram is a program for the tests' engine: a Go program without cgo, made by
// the toolchain that runs the tests.
func staticProgram(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "packhorse-linux-amd64")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("needs the go command: %v\n%s", err, out)
	}
	return program
}

func TestTheImageIsMadeOnceForAProgram(t *testing.T) {
	e, o := &engine{}, options(t)
	o.Engine, o.Program = e, staticProgram(t)
	first := prepare(t, o, 3)
	if !first.ImageMade || !strings.HasPrefix(first.Image, "packhorse-demo:") {
		t.Errorf("first start: %+v, want an image packhorse-demo:<hash> made", first)
	}
	if len(e.files) != 1 || e.files[0].Path != "/packhorse" || e.files[0].Mode != 0o755 {
		t.Errorf("files of the image = %+v, want /packhorse alone", e.files)
	}
	if again := prepare(t, o, 0); again.ImageMade || again.Image != first.Image {
		t.Errorf("second start: %+v, want the image that is there", again)
	}
	e.images = nil // somebody pruned
	if again := prepare(t, o, 0); !again.ImageMade {
		t.Errorf("start after a prune: %+v, want the image made again", again)
	}
	f, err := os.OpenFile(o.Program, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("another program")
	f.Close()
	if other := prepare(t, o, 3); !other.ImageMade || other.Image == first.Image {
		t.Errorf("start of another program: %+v, want another image", other)
	}
}

func TestADynamicProgramIsRefused(t *testing.T) {
	program, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("needs a program that is linked dynamically, such as bash")
	}
	if err := checkStatic(program); err == nil || !strings.Contains(err.Error(), "build it with CGO_ENABLED=0") {
		t.Errorf("checkStatic(%s) = %v, want advice to build with CGO_ENABLED=0", program, err)
	}
}

func TestTheProgramOfTheImage(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "packhorse")
	arm := filepath.Join(dir, "packhorse-linux-arm64")
	if err := os.WriteFile(arm, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		goos, goarch, engine string
		want, wantErr        string
	}{
		"this one on Linux":               {goos: "linux", goarch: "amd64", engine: "amd64", want: program},
		"one beside it on macOS":          {goos: "darwin", goarch: "arm64", engine: "arm64", want: arm},
		"one beside it for other engines": {goos: "linux", goarch: "amd64", engine: "arm64", want: arm},
		"none is an error that helps": {goos: "darwin", goarch: "arm64", engine: "amd64",
			wantErr: "CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o " + filepath.Join(dir, "packhorse-linux-amd64")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := linuxProgram(program, test.goos, test.goarch, test.engine)
			if got != test.want || (err != nil) != (test.wantErr != "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("program of %s/%s for an engine of %s = %q, %v; want %q, %q", test.goos, test.goarch, test.engine, got, err, test.want, test.wantErr)
			}
		})
	}
}

// install makes a folder look like the sources of a toolchain.
func install(t *testing.T, src string) {
	t.Helper()
	dir := filepath.Join(src, "go", "scanner")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "scanner.go"), []byte("package scanner\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestToolchain(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	install(t, at("go/src"))
	install(t, at("share/src"))
	for _, folder := range []string{"debian", "bare/src"} {
		if err := os.MkdirAll(at(folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"debian/src": "share/src", "current": "go"} {
		if err := os.Symlink(at(target), at(link)); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct{ root, want string }{
		"the whole of it":                            {at("go"), at("go")},
		"without the links that lead there":          {at("current"), at("go")},
		"src alone where that is elsewhere (Debian)": {at("debian"), at("share/src")},
		"none without sources":                       {at("bare"), ""},
		"none where nothing is":                      {at("nothing"), ""},
		"none of an empty name":                      {"", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := toolchain(test.root)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("toolchain(%q) = %q, %v; want %q", test.root, got, ok, test.want)
			}
		})
	}
}

func TestASourceTreeThatIsNoneIsRefused(t *testing.T) {
	for _, asked := range []string{"/does/not/exist", os.Args[0]} {
		if got, err := Folder(asked); err == nil || !strings.Contains(err.Error(), asked) {
			t.Errorf("Folder(%q) = %q, %v; want an error that names it", asked, got, err)
		}
	}
}
