package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/packhorse-batch/packhorse/logs/logfile"
)

// What reading and removing answer besides success. CloudWatch Logs says
// ResourceNotFoundException for the first two, InvalidParameterException for the
// last.
var (
	ErrNoGroup  = errors.New("the log group does not exist")
	ErrNoStream = errors.New("the log stream does not exist")
	ErrToken    = errors.New("the specified nextToken is invalid")
)

// Store is a directory of log groups. All methods may be called from many
// goroutines at once, and several processes may open the same directory.
type Store struct{ dir string }

// Open returns the store in dir, which is made if it is missing.
func Open(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("logs directory %q: %w", dir, err)
	}
	if err := os.MkdirAll(abs, 0o700); err != nil {
		return nil, fmt.Errorf("logs directory: %w", err)
	}
	return &Store{dir: abs}, nil
}

// MaxMessage is the size in bytes of the largest event; a longer message is split.
const MaxMessage = logfile.MaxMessage

// Writer appends to one stream: see [logfile.Writer].
type Writer = logfile.Writer

// Writer opens a stream for appending; group and stream are created if they are
// missing. A stream has one writer at a time, and any number of readers.
func (s *Store) Writer(group, stream string) (*Writer, error) {
	return logfile.Open(s.dir, group, stream)
}

// Remove deletes a stream. A writer that still has it open writes into the void.
func (s *Store) Remove(group, stream string) error {
	path, err := logfile.Path(s.dir, group, stream)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return s.missing(group, stream, err)
	}
	return nil
}

// Purge removes the streams that nobody has written to since before, and returns
// how many. A stream that a writer has open stays, however quiet it is.
func (s *Store) Purge(before time.Time) (removed int, err error) {
	groups, err := os.ReadDir(s.dir)
	if err != nil {
		return 0, fmt.Errorf("purge logs: %w", err)
	}
	var failed []error
	for _, group := range groups {
		streams, err := os.ReadDir(filepath.Join(s.dir, group.Name()))
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for _, entry := range streams {
			if !logfile.IsStream(entry.Name()) {
				continue
			}
			gone, err := purge(filepath.Join(s.dir, group.Name(), entry.Name()), before)
			if gone {
				removed++
			}
			if err != nil {
				failed = append(failed, err)
			}
		}
	}
	if len(failed) > 0 {
		return removed, fmt.Errorf("purge logs: %w", errors.Join(failed...))
	}
	return removed, nil
}

// purge removes one stream file unless it was written to after before or is being
// written now.
func purge(path string, before time.Time) (gone bool, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.ModTime().Before(before) {
		return false, ignoreMissing(err)
	}
	f, err := os.Open(path)
	if err != nil {
		return false, ignoreMissing(err)
	}
	defer f.Close()
	if !logfile.LockAlone(f) {
		return false, nil
	}
	if err := os.Remove(path); err != nil {
		return false, ignoreMissing(err)
	}
	return true, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// missing turns "no such file" into ErrNoGroup or ErrNoStream.
func (s *Store) missing(group, stream string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("log stream %q of group %q: %w", stream, group, err)
	}
	if dir, dirErr := logfile.GroupDir(s.dir, group); dirErr == nil {
		if _, statErr := os.Stat(dir); errors.Is(statErr, fs.ErrNotExist) {
			return fmt.Errorf("log group %q: %w", group, ErrNoGroup)
		}
	}
	return fmt.Errorf("log stream %q of group %q: %w", stream, group, ErrNoStream)
}
