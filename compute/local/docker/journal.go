package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/packhorse-batch/packhorse/compute"
)

// journal keeps what the engine cannot: tasks that have not all of their
// containers yet, and ends that no container shows. One small file a task,
// replaced by rename; nothing is flushed, since the files need only outlive this
// process: a machine that loses power loses the pull and the containers too.
//
// An empty directory name keeps nothing. Then a task whose containers were not
// made yet when the server was killed is unknown afterwards; running it again is safe.
type journal struct {
	dir string
	log *slog.Logger
}

// entry is one file: a task to be made, or how it ended.
type entry struct {
	Task *compute.Task       `json:"task,omitempty"`
	End  *compute.TaskStatus `json:"end,omitempty"`
}

const journalSuffix = ".json"

func openJournal(dir string, log *slog.Logger) (*journal, error) {
	if dir != "" {
		// The environment of a container may hold secrets.
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("directory for pending tasks: %w", err)
		}
	}
	return &journal{dir: dir, log: log}, nil
}

func (j *journal) path(id string) string { return filepath.Join(j.dir, id+journalSuffix) }

func (j *journal) write(id string, e entry) error {
	if j.dir == "" {
		return nil
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	temporary := j.path(id) + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, j.path(id))
}

// end notes how a task ended, where its containers alone would not tell.
func (j *journal) end(status compute.TaskStatus) {
	if err := j.write(status.ID, entry{End: &status}); err != nil {
		j.log.Warn("cannot note the end of a task; after a restart it may be told differently", "task", status.ID, "error", err)
	}
}

func (j *journal) remove(id string) {
	if j.dir == "" {
		return
	}
	if err := os.Remove(j.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		j.log.Warn("cannot remove the note of a task", "task", id, "error", err)
	}
}

// load reads all entries. One that cannot be read is left and logged.
func (j *journal) load() (map[string]entry, error) {
	entries := map[string]entry{}
	if j.dir == "" {
		return entries, nil
	}
	files, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		id, ok := strings.CutSuffix(f.Name(), journalSuffix)
		if !ok {
			continue
		}
		var e entry
		data, err := os.ReadFile(j.path(id))
		if err == nil {
			err = json.Unmarshal(data, &e)
		}
		if err != nil {
			j.log.Warn("cannot read the note of a task", "file", j.path(id), "error", err)
			continue
		}
		entries[id] = e
	}
	return entries, nil
}
