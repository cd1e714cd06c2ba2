package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Results is the part of the shared folder that belongs to one run of the demo. All
// files lie in the folder itself, named after the run: a folder that a container makes
// belongs to root, and its files could not be removed by whoever started the server.
type Results struct {
	Folder string
	Run    string
}

var runPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func (r Results) check() error {
	if r.Folder == "" {
		return errors.New("--results names no folder")
	}
	if !runPattern.MatchString(r.Run) {
		return fmt.Errorf("--run %q is not the name of a run: give up to 64 letters, digits, hyphens and underscores", r.Run)
	}
	return nil
}

func (r Results) countsPath(shard, shards int) string {
	return filepath.Join(r.Folder, fmt.Sprintf("%s-count-%d-of-%d.json", r.Run, shard, shards))
}

func (r Results) reportPath() string { return filepath.Join(r.Folder, r.Run+"-report.json") }

// resultMode lets the user who started the server read what root in a container wrote.
const resultMode = 0o644

// writeWhole writes v as JSON so that the file is there whole or not at all.
func writeWhole(path string, v any) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write results: %w", err), os.Remove(f.Name()))
		}
	}()
	err = json.NewEncoder(f).Encode(v)
	err = errors.Join(err, f.Chmod(resultMode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// read fills v from a file of writeWhole; found is false when there is none.
func read(path string, v any) (found bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read results: %w", err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("read results: %s: %w", path, err)
	}
	return true, nil
}
