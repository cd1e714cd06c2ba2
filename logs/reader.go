package logs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/logs/logfile"
)

// reader is a stream file opened for reading. It sees the whole lines that were
// there when it was opened.
type reader struct {
	file *os.File
	end  int64 // behind the last newline
}

// entry is one event and where it stands.
type entry struct {
	from, to int64 // offsets of its line and of the next
	at       time.Time
	message  string // valid UTF-8
}

func openReader(path string) (*reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		r := &reader{file: f}
		if r.end, err = logfile.WholeLines(f, info.Size()); err == nil {
			return r, nil
		}
	}
	f.Close()
	return nil, err
}

func (s *Store) reader(group, stream string) (*reader, error) {
	path, err := logfile.Path(s.dir, group, stream)
	if err != nil {
		return nil, err
	}
	r, err := openReader(path)
	if err != nil {
		return nil, s.missing(group, stream, err)
	}
	return r, nil
}

func (r *reader) close() { r.file.Close() }

// text is a message as it is shown: bytes that are not UTF-8 become U+FFFD, as in
// CloudWatch. The file keeps them.
func text(message []byte) string { return strings.ToValidUTF8(string(message), "\uFFFD") }

// forward calls visit with the events of the lines that begin in [from, to), in
// order, until it returns false. It reads buffer bytes at a time.
func (r *reader) forward(from, to int64, buffer int, visit func(entry) bool) error {
	in := bufio.NewReaderSize(io.NewSectionReader(r.file, from, r.end-from), buffer)
	var long []byte
	for from < to {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, line...)
			continue
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil // cut short since it was opened
			}
			return err
		}
		if len(long) > 0 {
			long = append(long, line...)
			line = long
		}
		next := from + int64(len(line))
		if at, message, ok := logfile.ParseLine(line[:len(line)-1]); ok {
			if !visit(entry{from: from, to: next, at: at, message: text(message)}) {
				return nil
			}
		}
		from, long = next, long[:0]
	}
	return nil
}

// backward calls visit with the events of the lines that lie in [from, to), the
// last one first, until it returns false.
func (r *reader) backward(from, to int64, visit func(entry) bool) error {
	const step = 64 << 10
	var buf []byte // the bytes [to-len(buf), to)
	for to > from {
		at := -1
		if len(buf) > 0 {
			at = bytes.LastIndexByte(buf[:len(buf)-1], '\n')
		}
		if at < 0 {
			have := to - int64(len(buf))
			if more := min(step+int64(len(buf)), have-from); more > 0 {
				wider := make([]byte, more+int64(len(buf)))
				if _, err := r.file.ReadAt(wider[:more], have-more); err != nil {
					return err
				}
				copy(wider[more:], buf)
				buf = wider
				continue
			}
		}
		line := buf[at+1:]
		start := to - int64(len(line))
		if when, message, ok := logfile.ParseLine(line[:len(line)-1]); ok {
			if !visit(entry{from: start, to: to, at: when, message: text(message)}) {
				return nil
			}
		}
		to, buf = start, buf[:at+1]
	}
	return nil
}

// seek returns the offset of the first event at or after t, or the end. Lines are
// sorted by time, so it halves the file until little is left, then reads that.
func (r *reader) seek(t time.Time) (int64, error) {
	const little = 32 << 10
	low, high := int64(0), r.end
	for high-low > little {
		middle := low + (high-low)/2
		found := entry{from: -1}
		start, err := r.nextLine(middle, high)
		if err != nil {
			return 0, err
		}
		err = r.forward(start, high, 4<<10, func(e entry) bool { found = e; return false })
		if err != nil {
			return 0, err
		}
		if found.from < 0 {
			break // one long line, or no events: read it all
		}
		if found.at.Before(t) {
			low = found.from
		} else {
			high = start
		}
	}
	result := high
	err := r.forward(low, high, little, func(e entry) bool {
		if e.at.Before(t) {
			return true
		}
		result = e.from
		return false
	})
	return result, err
}

// nextLine returns where the first line begins at or after from, at most limit.
func (r *reader) nextLine(from, limit int64) (int64, error) {
	buf := make([]byte, 4<<10)
	for at := from - 1; at >= 0 && at < limit; {
		n, err := r.file.ReadAt(buf[:min(int64(len(buf)), limit-at)], at)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			return at + int64(i) + 1, nil
		}
		if err != nil {
			return 0, err
		}
		at += int64(n)
	}
	return min(max(from, 0), limit), nil
}

// window returns the offsets [low, high) of the events from start to end, both in
// milliseconds since 1970, 0 for no bound; start is inside, end is not.
func (r *reader) window(start, end int64) (low, high int64, err error) {
	high = r.end
	if start > 0 {
		if low, err = r.seek(time.UnixMilli(start)); err != nil {
			return 0, 0, err
		}
	}
	if end > 0 {
		if high, err = r.seek(time.UnixMilli(end)); err != nil {
			return 0, 0, err
		}
	}
	return low, max(low, high), nil
}

// atLine reports whether a line begins at offset.
func (r *reader) atLine(offset int64) bool {
	if offset == 0 || offset == r.end {
		return true
	}
	var before [1]byte
	_, err := r.file.ReadAt(before[:], offset-1)
	return err == nil && before[0] == '\n'
}
