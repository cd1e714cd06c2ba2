package stage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/packhorse-batch/packhorse/compute/local/docker"
	"github.com/packhorse-batch/packhorse/internal/demo"
)

// Engine is the part of the Docker runtime that makes the image.
type Engine interface {
	Info() docker.Info
	HasImage(ctx context.Context, image string) (bool, error)
	ImportImage(ctx context.Context, tag string, files []docker.ImageFile, changes ...string) error
}

var _ Engine = (*docker.Runtime)(nil)

// Options are what Prepare works with. Source and Engine may be left out.
type Options struct {
	Definitions Definitions
	Engine      Engine // nil where jobs run as plain processes
	Program     string // path of the packhorse program
	Folder      string // the demo's own folder in the data folder
	Source      string // the source tree to count; empty finds that of the Go toolchain
}

// Ready says what was prepared.
type Ready struct {
	Source     string // the folder that is counted, or demo.BuiltIn
	Image      string // empty where jobs run as plain processes
	ImageMade  bool   // just now
	Registered int    // definitions that were registered just now
}

// resultsMode lets containers write that run as another user, as those of a rootless
// engine do. The data folder above keeps other users of the machine out.
const resultsMode = 0o777

// Prepare makes what is missing. It may be called at each start.
func Prepare(ctx context.Context, o Options) (Ready, error) {
	place := demo.Place{Program: o.Program, Results: filepath.Join(o.Folder, "results")}
	if err := os.MkdirAll(place.Results, 0o700); err != nil {
		return Ready{}, fmt.Errorf("the folder for the demo's results cannot be made: %w", err)
	}
	if err := os.Chmod(place.Results, resultsMode); err != nil { // whatever the umask says
		return Ready{}, err
	}
	var ready Ready
	var err error
	if ready.Source, err = source(ctx, o.Source); err != nil {
		return ready, err
	}
	place.Source = ready.Source
	if o.Engine != nil {
		if ready.Image, ready.ImageMade, err = image(ctx, o.Engine, o.Program); err != nil {
			return ready, err
		}
		place.Image = ready.Image
	}
	ready.Registered, err = register(ctx, o.Definitions, demo.Definitions(place))
	return ready, err
}
