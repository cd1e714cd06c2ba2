package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// What reading and removing answer besides success. CloudWatch Logs says
// ResourceNotFoundException for the first two, InvalidParameterException for the
// last.
var (
	ErrNoGroup  = errors.New("the log group does not exist")
	ErrNoStream = errors.New("the log stream does not exist")
	ErrToken    = errors.New("the specified nextToken is invalid")
)

// groupMark is the file in a group's directory whose time is that of the group's
// creation (a directory's own time moves with each stream in it). It holds the
// group's name in quotes, which the directory's name may not hold in full.
const groupMark = ".created"

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

// Remove deletes a stream. A writer that still has it open writes into the void.
func (s *Store) Remove(group, stream string) error {
	path, err := s.path(group, stream)
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
			if !isStreamFile(entry.Name()) {
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
	if !lockAlone(f) {
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

// path is the file of a stream.
func (s *Store) path(group, stream string) (string, error) {
	dir, err := s.groupDir(group)
	if err != nil {
		return "", err
	}
	if err := checkName("stream", stream); err != nil {
		return "", err
	}
	return filepath.Join(dir, fileName(stream)+streamSuffix), nil
}

// groupDir is the directory of a group.
func (s *Store) groupDir(group string) (string, error) {
	if err := checkName("group", group); err != nil {
		return "", err
	}
	return filepath.Join(s.dir, fileName(group)), nil
}

// missing turns "no such file" into ErrNoGroup or ErrNoStream.
func (s *Store) missing(group, stream string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("log stream %q of group %q: %w", stream, group, err)
	}
	if dir, dirErr := s.groupDir(group); dirErr == nil {
		if _, statErr := os.Stat(dir); errors.Is(statErr, fs.ErrNotExist) {
			return fmt.Errorf("log group %q: %w", group, ErrNoGroup)
		}
	}
	return fmt.Errorf("log stream %q of group %q: %w", stream, group, ErrNoStream)
}
