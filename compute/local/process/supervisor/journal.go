//go:build unix

package supervisor

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// JournalPath is the file of the task in dir that says what it is and what became
// of it: one JSON Record a line. The server writes the first, the supervisor all
// others. It is also the file that a living supervisor has locked.
//
// One file that grows does for what could be four, because making files is what
// short tasks cost most (ext4 looks at every file that was removed lately, and
// those of ended tasks are).
func JournalPath(dir string) string { return dir + "/task.jsonl" }

// Record is one line of a journal; one of its fields is set, but for Supervisor.
type Record struct {
	Task    *Spec      `json:",omitempty"` // the first line, written before a supervisor is started
	Started *time.Time `json:",omitempty"` // a supervisor took the task up; no other may
	Pid     int        `json:",omitempty"` // a command was started
	End     *Status    `json:",omitempty"` // the last line

	Supervisor int `json:",omitempty"` // with Started: the process id of that supervisor
}

// Journal is what a journal says.
type Journal struct {
	Task    *Spec     // nil: its writing was interrupted
	Started time.Time // zero: no supervisor has taken the task up
	Pids    []int     // of the commands that were started
	End     *Status   // nil: it runs, or its supervisor died

	Supervisor int // the process id of the one that took it up

	whole bool // its last line is whole
}

// ReadJournal reads the journal at path. A line that is cut short, which only a
// crash leaves behind, is passed over.
func ReadJournal(path string) (Journal, error) {
	f, err := os.Open(path)
	if err != nil {
		return Journal{}, err
	}
	defer f.Close()
	return parseJournal(f)
}

func parseJournal(f io.Reader) (Journal, error) {
	text, err := io.ReadAll(f)
	if err != nil {
		return Journal{}, err
	}
	j := Journal{whole: true}
	for line := range bytes.Lines(text) {
		var r Record
		j.whole = bytes.HasSuffix(line, []byte{'\n'})
		if !j.whole || json.Unmarshal(line, &r) != nil {
			continue
		}
		switch {
		case r.Task != nil:
			j.Task = r.Task
		case r.Started != nil:
			j.Started, j.Supervisor = *r.Started, r.Supervisor
		case r.Pid != 0:
			j.Pids = append(j.Pids, r.Pid)
		case r.End != nil:
			j.End = r.End
		}
	}
	return j, nil
}

// Append adds a line to a journal that is open for writing at its end. It is not
// flushed to the disk: after a power cut nothing of the task runs, and an end that is
// missing then means just that it was lost. Of a line that does not fit on the disk
// nothing is left.
func Append(f *os.File, r Record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	n, err := f.Write(append(line, '\n'))
	if err != nil && n > 0 {
		if end, seekErr := f.Seek(0, io.SeekCurrent); seekErr == nil {
			_ = f.Truncate(end - int64(n)) // else the next line is lost with this one
		}
	}
	return err
}

// roomAgain is the time between two tries to write to a full disk.
const roomAgain = time.Second

// appendWhenRoom is Append that waits for as long as the disk is full; pause is
// called between two tries. How a task ended is known only here: without it the
// task would count as lost, and perhaps run again.
func appendWhenRoom(f *os.File, r Record, pause func()) error {
	for {
		err := Append(f, r)
		if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
			return err
		}
		pause()
	}
}

// AppendEnd records the end of a task whose supervisor did not live to do it. The
// caller holds the lock of the task in dir.
func AppendEnd(dir string, end Status) (err error) {
	f, err := os.OpenFile(JournalPath(dir), os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	j, err := parseJournal(f)
	if err != nil {
		return err
	}
	if !j.whole {
		if _, err := f.Write([]byte{'\n'}); err != nil {
			return err
		}
	}
	return Append(f, Record{End: &end})
}

var errNoTask = errors.New("the journal does not say what the task is")
