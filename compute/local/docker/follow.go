package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/logs"
)

// follow begins to copy the output of a container into its log stream.
func (t *task) follow(m *member) {
	if t.r.logs == nil || m.LogStream == "" {
		return
	}
	ctx, cancel := context.WithCancel(t.r.ctx)
	m.unfollow, m.drained = cancel, make(chan struct{})
	t.r.wg.Go(func() {
		defer close(m.drained)
		defer cancel()
		if err := t.copyOutput(ctx, m); err != nil && ctx.Err() == nil {
			t.r.log.Warn("the output of a container is incomplete", "task", t.id, "stream", m.LogStream, "error", err)
		}
	})
}

// outputTries is how often in a row reading or writing output may fail.
const outputTries = 10

// copyOutput copies until the container has ended and all it wrote is in the
// stream. The stream's last time says where to go on, after a restart too. The
// last pass begins after the end of the container is known and does not follow:
// what is there then is all there is.
func (t *task) copyOutput(ctx context.Context, m *member) error {
	w, err := t.r.logs.Writer(m.LogGroup, m.LogStream)
	if err != nil {
		return err
	}
	defer w.Close()
	for failed := 0; ; {
		last := isClosed(m.over)
		err := t.copyOnce(ctx, m, w, last)
		switch {
		case err == nil && last, ctx.Err() != nil:
			return ctx.Err()
		case cerrdefs.IsNotFound(err), cerrdefs.IsConflict(err):
			return nil // removed, or being removed, with its output
		case err == nil:
			failed = 0
		case !unreachable(err):
			if failed++; failed >= outputTries {
				return err
			}
		}
		// Either the container has ended, which the supervisor is about to find out,
		// or the engine broke off.
		select {
		case <-m.over:
			if unreachable(err) && t.r.link.again(ctx) != nil {
				return ctx.Err()
			}
		case <-time.After(retryAfter):
			if t.r.link.again(ctx) != nil {
				return ctx.Err()
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// copyOnce reads the output after the last event in the stream: up to now for the
// last pass, else until the engine closes it.
func (t *task) copyOnce(ctx context.Context, m *member, w *logs.Writer, last bool) error {
	if last {
		if err := t.r.reads.Acquire(ctx, 1); err != nil {
			return err
		}
		defer t.r.reads.Release(1)
	}
	options := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: !last}
	after := w.Last()
	if !after.IsZero() {
		options.Since = after.Format(time.RFC3339Nano)
	}
	output, err := t.r.api.ContainerLogs(ctx, m.id, options)
	if err != nil {
		return err
	}
	defer output.Close()
	// Our containers have no terminal, so the two outputs come in frames.
	stdout, stderr := &joiner{after: after, append: w.Append}, &joiner{after: after, append: w.Append}
	if _, err := stdcopy.StdCopy(stdout, stderr, output); err != nil {
		return err
	}
	if last {
		return errors.Join(stdout.flush(), stderr.flush())
	}
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// joiner makes log events of the engine's frames. A frame is one write: a time
// stamp, a space, and a line, or up to 16 KiB of a longer one, of which only the
// last piece ends with a newline.
type joiner struct {
	after  time.Time // events up to here are in the stream already
	append func(time.Time, []byte) error

	at   time.Time // of the line that is being joined
	line []byte
	cut  bool // the line's first part was too long and is in the stream already
}

// Write takes one frame.
func (j *joiner) Write(frame []byte) (int, error) {
	stamp, text, ok := bytes.Cut(frame, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if !ok || err != nil {
		return 0, fmt.Errorf("output of the engine: %.40q: no time stamp", frame)
	}
	if !at.After(j.after) {
		return len(frame), nil
	}
	if len(j.line) == 0 {
		j.at = at
	}
	line, whole := bytes.CutSuffix(text, []byte("\n"))
	switch {
	case whole && len(j.line) == 0 && j.cut && len(line) == 0: // only the newline was left
	case whole && len(j.line) == 0:
		err = j.append(at, line)
	default:
		j.line = append(j.line, line...)
		if whole || len(j.line) >= logs.MaxMessage {
			err = j.flush()
		}
	}
	j.cut = !whole && len(j.line) == 0
	if err != nil {
		return 0, err
	}
	return len(frame), nil
}

var _ io.Writer = (*joiner)(nil)

// flush ends the line that is being joined, if there is one.
func (j *joiner) flush() error {
	if len(j.line) == 0 {
		return nil
	}
	err := j.append(j.at, j.line)
	j.line = j.line[:0]
	return err
}
