//go:build unix

package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/logs/logfile"
)

const (
	// firstBuffer is the size in bytes of the buffer for output that comes slowly;
	// it grows with the output, and for a long line to the largest event's size.
	firstBuffer = 4 << 10
	fullBuffer  = 64 << 10
	// drainGrace is how long the end of a container waits for output that someone
	// beyond our reach still holds open.
	drainGrace = 2 * time.Second
)

// copyLines writes what comes from a pipe to the log, line by line with the time
// of its coming, until the pipe ends. It returns how many bytes the log did not
// take, and why; a full disk must not hold up the job.
func copyLines(from *os.File, log *logfile.Writer) (bytesLost int, reason error) {
	buf := make([]byte, firstBuffer)
	have := 0       // bytes of buf that are not written yet: the beginning of a line
	broken := false // a line was too long for one event, and goes on
	write := func(text []byte) {
		if log == nil || len(text) == 0 {
			return
		}
		if err := log.AppendLines(time.Now(), text); err != nil {
			bytesLost, reason = bytesLost+len(text), err
		}
	}
	for {
		n, err := from.Read(buf[have:])
		if broken && n > 0 {
			if broken = false; buf[0] == '\n' {
				n = copy(buf, buf[1:n])
			}
		}
		full := have+n == len(buf)
		text := buf[:have+n]
		if end := bytes.LastIndexByte(text[have:], '\n'); end >= 0 {
			end += have + 1
			write(text[:end])
			have = copy(buf, text[end:])
		} else {
			have = len(text)
		}
		if err != nil {
			write(buf[:have])
			return bytesLost, reason
		}
		switch {
		case have == len(buf) && len(buf) >= logfile.MaxMessage:
			write(buf)
			have, broken = 0, true
		case have == len(buf), full && len(buf) < fullBuffer:
			buf = append(buf[:have:have], make([]byte, min(4*len(buf), logfile.MaxMessage)-have)...)
		}
	}
}

// drain waits until all output is written, and closes the log.
func (c *container) drain() {
	done := make(chan struct{})
	go func() { c.copying.Wait(); close(done) }()
	grace := time.NewTimer(drainGrace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
	}
	for _, from := range c.output {
		from.Close() // ends a copy that still waits
	}
	<-done
	c.closeLog()
}

// lost is what of a container's output could not be written.
type lost struct {
	mu     sync.Mutex
	bytes  int
	reason error
}

func (l *lost) add(bytes int, reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes > 0 {
		l.bytes, l.reason = l.bytes+bytes, reason
	}
}

// note is a remark for the user, empty when nothing is lost.
func (l *lost) note(container string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%d bytes of the output of container %q are not in the log: %v", l.bytes, container, l.reason)
}
