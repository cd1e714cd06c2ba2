package local

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/packhorse-batch/packhorse/batch"
)

// journal keeps what each task on a host needs, which no runtime tells after a
// restart. It is a text file with a line for each task that was placed:
//
//	<task> <host> <thousandths of a vCPU> <MiB> <GPUs>
//
// Lines are only added; tasks that have ended are left out when the file is
// written anew, at each start and every rewriteAfter lines. It is guarded by the
// backend's lock.
type journal struct {
	path  string
	file  *os.File
	lines int // since it was last written anew
}

type journalLine struct {
	task, host string
	need       batch.Resources
}

func (l journalLine) String() string {
	return fmt.Sprintf("%s %q %d %d %d\n", l.task, l.host, l.need.MilliVCPU, l.need.MemoryMiB, l.need.GPUs)
}

// rewriteAfter bounds the journal of a server that runs for long.
const rewriteAfter = 20_000

// readJournal returns the lines of a journal; none if there is no file. A torn
// line, the last one before a crash, is left out.
func readJournal(path string) ([]journalLine, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var lines []journalLine
	seen := map[string]bool{}
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		var l journalLine
		_, err := fmt.Sscanf(scanner.Text(), "%s %q %d %d %d", &l.task, &l.host, &l.need.MilliVCPU, &l.need.MemoryMiB, &l.need.GPUs)
		if err != nil || seen[l.task] {
			continue
		}
		seen[l.task] = true
		lines = append(lines, l)
	}
	return lines, nil
}

// newJournal writes a journal of these lines in place of what is there.
func newJournal(path string, lines []journalLine) (*journal, error) {
	j := &journal{path: path}
	return j, j.rewrite(lines)
}

func (j *journal) rewrite(lines []journalLine) error {
	var text bytes.Buffer
	for _, l := range lines {
		text.WriteString(l.String())
	}
	temporary := j.path + ".new"
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	if err == nil {
		err = os.Rename(temporary, j.path)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	old := j.file
	j.file, j.lines = file, 0
	if old != nil {
		return old.Close()
	}
	return nil
}

// add writes one line. It does not wait for the disk: a power cut ends the tasks too.
// Of a line that does not fit on the disk nothing is left.
func (j *journal) add(l journalLine) error {
	j.lines++
	n, err := j.file.WriteString(l.String())
	if err != nil && n > 0 {
		if end, seekErr := j.file.Seek(0, io.SeekCurrent); seekErr == nil {
			err = errors.Join(err, j.file.Truncate(end-int64(n))) // else the next line is lost with this one
		}
	}
	return err
}

func (j *journal) close() error { return j.file.Close() }
