package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// first is what is kept of the demo that a server shows on its first start.
type first struct {
	Run   Run
	Shown bool // to its end, well or not
}

// First shows the demo once in the life of a data folder; it keeps what it did in a
// file. When it is interrupted, or the server is killed, the jobs are still there the
// next time: it goes on with showing them, and only if the server has lost them does it
// submit new ones. It reports whether there was something to show.
func (p *Player) First(ctx context.Context, file string) (shown bool, err error) {
	var f first
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, fmt.Errorf("read what became of the first demo: %w", err)
	default:
		if err := json.Unmarshal(text, &f); err != nil {
			return false, fmt.Errorf("read what became of the first demo: %s: %w; remove the file to see the demo again", file, err)
		}
	}
	if f.Shown {
		return false, nil
	}
	if f.Run.Flaky != "" {
		fmt.Fprintln(p.Progress, "The demo was not shown to its end before; it goes on.")
		err = p.Show(ctx, f.Run)
	}
	if f.Run.Flaky == "" || errors.Is(err, ErrGone) {
		if f.Run, err = p.Submit(ctx); err != nil {
			return true, err
		}
		if err := f.write(file); err != nil {
			return true, err
		}
		p.Announce(f.Run)
		err = p.Show(ctx, f.Run)
	}
	var failed *FailedError
	if err == nil || errors.As(err, &failed) {
		f.Shown = true
		err = errors.Join(err, f.write(file))
	}
	return true, err
}

func (f first) write(file string) error {
	text, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	next := file + ".next"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}
