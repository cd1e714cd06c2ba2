package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// record is a host as its file keeps it.
type record struct {
	compute.Host
	JoinsAt   time.Time // when its boot is over
	ReclaimAt time.Time // when a Spot host is taken away; zero is never
	// Ending says that the host was terminated and waits for the end of its tasks.
	Ending bool
	GoneAt time.Time
}

// records are the files of all hosts, one each.
type records struct {
	dir string
	log *slog.Logger
}

const recordSuffix = ".json"

func (r records) path(id string) string {
	return filepath.Join(r.dir, url.PathEscape(id)+recordSuffix)
}

// write replaces a host's file as a whole: a reader finds the old or the new one.
// It does not wait for the disk. A power cut may lose the last moments, but it
// ends all tasks too, and the engine launches anew what is gone.
func (r records) write(one record) error {
	data, err := json.Marshal(one)
	if err != nil {
		return err
	}
	path := r.path(one.Host.ID)
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func (r records) remove(id string) error {
	if err := os.Remove(r.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// read returns all hosts. A file that makes no sense is moved out of the way: a
// torn one must not keep the server from starting.
func (r records) read() ([]record, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, err
	}
	var all []record
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), recordSuffix) {
			continue
		}
		path := filepath.Join(r.dir, entry.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var one record
		if err := json.Unmarshal(data, &one); err != nil || one.Host.ID == "" {
			r.log.Warn("the record of a host cannot be read; it is set aside and the host is gone",
				"file", path, "kept", path+".bad", "err", err)
			if err := os.Rename(path, path+".bad"); err != nil {
				return nil, fmt.Errorf("setting aside an unreadable record: %w", err)
			}
			continue
		}
		all = append(all, one)
	}
	return all, nil
}
