package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"time"
)

// MaxMessage is the size in bytes of the largest event; a longer message is split
// into several. It is CloudWatch's limit as most readers know it.
const MaxMessage = 256 << 10

// Writer appends to one stream. A stream has one writer at a time; a Writer may be
// used from many goroutines.
type Writer struct {
	mu   sync.Mutex
	file *os.File
	last time.Time
	line []byte // reused
	torn bool   // the last write failed midway
}

// Open opens a stream of the store at dir for appending; group and stream are
// created if they are missing. What a crashed writer left unfinished at the end
// is cut off.
func Open(dir, group, stream string) (*Writer, error) {
	path, err := Path(dir, group, stream)
	if err != nil {
		return nil, err
	}
	f, err := openAppend(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeGroup(dir, group); err == nil {
			f, err = openAppend(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("log stream %q of group %q: %w", stream, group, err)
	}
	w := &Writer{file: f}
	lockShared(f)
	if err := w.resume(stream); err != nil {
		f.Close()
		return nil, fmt.Errorf("log stream %q of group %q: %w", stream, group, err)
	}
	return w, nil
}

func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
}

// makeGroup makes the directory of a group. Several processes may do so at once.
func makeGroup(dir, group string) error {
	groupDir, err := GroupDir(dir, group)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(groupDir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(groupDir+"/"+GroupMark, []byte(strconv.Quote(group)+"\n"), 0o600)
}

// resume prepares a file for the next event: a whole last line, its time known,
// and the header that a long name needs.
func (w *Writer) resume(stream string) error {
	size, err := w.repair()
	if err != nil {
		return err
	}
	if size > 0 {
		w.last, err = LastTime(w.file, size)
		return err
	}
	if isLong(fileName(stream)) {
		_, err = w.file.WriteString(longHeader + strconv.Quote(stream) + "\n")
	}
	return err
}

// repair cuts off what stands behind the last newline and returns the size left.
func (w *Writer) repair() (size int64, err error) {
	info, err := w.file.Stat()
	if err != nil || info.Size() == 0 {
		return 0, err
	}
	end, err := WholeLines(w.file, info.Size())
	if err != nil || end == info.Size() {
		return end, err
	}
	return end, w.file.Truncate(end)
}

// Append writes one event. A newline at the end of message is not part of it. An
// event earlier than the one before it takes that one's time, so that a stream
// is always in order. An error means that the event is not, or not wholly, written.
func (w *Writer) Append(at time.Time, message []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line = w.add(w.line[:0], at, bytes.TrimSuffix(message, []byte{'\n'}))
	return w.flush()
}

// AppendLines writes one event for each line of text with a single write call,
// for output that comes faster than one line at a time. The last line needs no
// newline at its end.
func (w *Writer) AppendLines(at time.Time, text []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.line = w.line[:0]
	for line := range bytes.Lines(text) {
		w.line = w.add(w.line, at, bytes.TrimSuffix(line, []byte{'\n'}))
	}
	return w.flush()
}

// add appends the lines of one message to dst.
func (w *Writer) add(dst []byte, at time.Time, message []byte) []byte {
	if at = at.UTC(); at.Before(w.last) {
		at = w.last
	}
	w.last = at
	for {
		var first []byte
		first, message = cut(message, MaxMessage)
		dst = appendLine(dst, at, first)
		if len(message) == 0 {
			return dst
		}
	}
}

// keptBuffer is the most memory in bytes that an idle writer holds on to.
const keptBuffer = 64 << 10

func (w *Writer) flush() error {
	if w.torn {
		if _, err := w.repair(); err != nil {
			return fmt.Errorf("repair log stream: %w", err)
		}
		w.torn = false
	}
	if len(w.line) == 0 {
		return nil
	}
	_, err := w.file.Write(w.line)
	if cap(w.line) > keptBuffer {
		w.line = nil
	}
	if err != nil {
		w.torn = true
		return fmt.Errorf("append to log stream: %w", err)
	}
	return nil
}

// Last is the time of the last event in the stream, whoever wrote it; zero when
// there is none.
func (w *Writer) Last() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// Close ends writing. The stream stays.
func (w *Writer) Close() error { return w.file.Close() }

// WholeLines returns the offset behind the last newline in the first size bytes.
func WholeLines(f io.ReaderAt, size int64) (int64, error) {
	var last [1]byte
	if size == 0 {
		return 0, nil
	}
	if _, err := f.ReadAt(last[:], size-1); err != nil {
		return 0, err
	}
	if last[0] == '\n' {
		return size, nil
	}
	return lineStart(f, size)
}

// lineStart returns where the line begins that the byte before end belongs to.
func lineStart(f io.ReaderAt, end int64) (int64, error) {
	const step = 4 << 10
	buf := make([]byte, step)
	for end > 0 {
		from := max(0, end-step)
		part := buf[:end-from]
		if _, err := f.ReadAt(part, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// LastTime returns the time of the last event in a file of whole lines, zero if
// it has none.
func LastTime(f io.ReaderAt, size int64) (time.Time, error) {
	stamp := make([]byte, stampLen)
	for end := size; end > 0; {
		start, err := lineStart(f, end-1)
		if err != nil {
			return time.Time{}, err
		}
		if end-start > int64(stampLen) {
			if _, err := f.ReadAt(stamp, start); err != nil {
				return time.Time{}, err
			}
			if at, ok := parseStamp(stamp); ok {
				return at, nil
			}
		}
		end = start
	}
	return time.Time{}, nil
}
