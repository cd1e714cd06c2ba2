package workload

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Open reads a file.
func Open(path string) (*Workload, error) {
	f, err := os.Open(path)
	if err != nil {
		problem := err.Error()
		if at := new(fs.PathError); errors.As(err, &at) {
			problem = at.Err.Error()
		}
		return nil, &Error{File: path, Problem: problem, Next: "give a workload file that you may read"}
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, &Error{File: path, Problem: "it is a folder", Next: "give a file in it"}
	}
	return Read(filepath.Base(path), f)
}

// Read reads a workload; name is that of its file.
func Read(name string, r io.Reader) (*Workload, error) {
	buffered := bufio.NewReader(r)
	if err := legible(name, buffered); err != nil {
		return nil, err
	}
	in := &input{name: name, scan: bufio.NewScanner(buffered), texts: map[string]string{}}
	in.scan.Buffer(make([]byte, 0, 64<<10), maxLine)
	var lines []line
	var notes []string
	var err error
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case ext == ".swf":
		lines, notes, err = readSWF(in)
	case !in.next():
		if in.scan.Err() == nil {
			err = &Error{File: name, Problem: "it is empty", Next: "give a CSV file with a header, an .swf file or the trace.txt of a Nextflow run"}
		}
	case strings.Contains(in.text, "\t"):
		lines, notes, err = readNextflow(in)
	default:
		lines, err = readCSV(in)
	}
	switch scan := in.scan.Err(); {
	case errors.Is(scan, bufio.ErrTooLong):
		return nil, &Error{File: name, Line: in.number + 1, Problem: "the line is too long", Next: fmt.Sprintf("keep lines below %d bytes", maxLine)}
	case scan != nil:
		return nil, fmt.Errorf("%s, line %d: %w", name, in.number+1, scan)
	}
	if err != nil {
		return nil, err
	}
	return finish(name, lines, notes)
}

// legible fails for a file that is not text, by its first bytes: what the readers would say
// of one is about columns and quotes, and leads nowhere.
func legible(name string, r *bufio.Reader) error {
	head, _ := r.Peek(512) // fewer of a short file; what cannot be read is told by who reads on
	for magic, kind := range map[string]string{
		"\x1f\x8b": "compressed (gzip)", "PK\x03\x04": "compressed (zip), or a workbook", "\x28\xb5\x2f\xfd": "compressed (zstd)",
		"BZh": "compressed (bzip2)", "\xfd7zXZ": "compressed (xz)",
	} {
		if strings.HasPrefix(string(head), magic) {
			return &Error{File: name, Problem: "it is " + kind, Next: "unpack it first, or save it as text"}
		}
	}
	if strings.HasPrefix(string(head), "\xff\xfe") || strings.HasPrefix(string(head), "\xfe\xff") {
		return &Error{File: name, Problem: "its text is UTF-16", Next: "save it as UTF-8"}
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return &Error{File: name, Problem: "it is not text", Next: "give a CSV file with a header, an .swf file or the trace.txt of a Nextflow run"}
	}
	return nil
}

// maxLine is the longest line, in bytes.
const maxLine = 1 << 20

// input is a file, line by line.
type input struct {
	name   string
	scan   *bufio.Scanner
	text   string
	number int
	texts  map[string]string // strings that many lines share
}

// next goes to the next line that is not empty.
func (in *input) next() bool {
	for in.scan.Scan() {
		in.number++
		in.text = strings.TrimSuffix(in.scan.Text(), "\r")
		if in.number == 1 {
			in.text = strings.TrimPrefix(in.text, "\ufeff")
		}
		if strings.TrimSpace(in.text) != "" {
			return true
		}
	}
	return false
}

// shared returns s as one string for all lines that have it.
func (in *input) shared(s string) string {
	if s == "" {
		return ""
	}
	if known, ok := in.texts[s]; ok {
		return known
	}
	s = strings.Clone(s)
	in.texts[s] = s
	return s
}

func (in *input) wrong(column, next, format string, args ...any) error {
	return &Error{File: in.name, Line: in.number, Column: column, Problem: fmt.Sprintf(format, args...), Next: next}
}

// number reads a number from low to high.
func (in *input) numberIn(column, text string, low, high float64) (float64, error) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	switch {
	case err != nil || math.IsNaN(n) || math.IsInf(n, 0):
		return 0, in.wrong(column, "write a number, with a point before decimals", "%q is not a number", text)
	case n < low:
		return 0, in.wrong(column, "give at least "+number(low), "%s is too small", text)
	case n > high:
		return 0, in.wrong(column, "give at most "+number(high), "%s is too large", text)
	}
	return n, nil
}

// wholeIn reads a whole number from low to high.
func (in *input) wholeIn(column, text string, low, high float64) (int64, error) {
	n, err := in.numberIn(column, text, low, high)
	if err == nil && n != math.Trunc(n) {
		err = in.wrong(column, "write a whole number", "%s has a fraction", text)
	}
	return int64(n), err
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// seconds rounds to milliseconds, the resolution of AWS Batch.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s*1000)) * time.Millisecond
}

// enough fails when there are too many jobs.
func (in *input) enough(lines []line) error {
	if len(lines) < maxJobs {
		return nil
	}
	return in.wrong("", "split the file", "there are more than %d jobs", maxJobs)
}
