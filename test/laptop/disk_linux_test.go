package laptop

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/test/smalldisk"
)

// fill takes all the room that is left on a disk, and returns what frees it again.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 64<<10); ; {
		if _, err = f.Write(block); err != nil {
			if block = block[:len(block)/2]; len(block) == 0 {
				break
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServeRefuses_dataThatCannotBeWritten(t *testing.T) {
	s := newServer(t)
	s.data = smalldisk.Mount(t, 8<<20)
	s.start()
	s.stop()
	if err := syscall.Mount("", s.data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	s.refuses(s.data, "read-only file system", "--data")
	empty := newServer(t)
	empty.data = smalldisk.Mount(t, 1<<20)
	if err := syscall.Mount("", empty.data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	empty.refuses(empty.data, "read-only file system", "--data")
}

func TestFullDisk(t *testing.T) {
	s := closedShop(newServer(t))
	s.data = smalldisk.Mount(t, 16<<20)
	s.start()
	s.define()
	var acknowledged []string
	submit := func(wait string) (string, error) {
		out, err := s.once().SubmitJob(t.Context(), s.order("some-job", "-lines", "1", "-wait", wait))
		if err != nil {
			return "", err
		}
		acknowledged = append(acknowledged, *out.JobId)
		return *out.JobId, nil
	}
	during, after := s.file("during"), s.file("after")
	running, err := submit(during)
	s.check(err)
	second, err := submit(after)
	s.check(err)
	s.started(running, 1)
	s.started(second, 1)

	free := fill(t, s.data)
	// Some pages of the store's file may be free, so that a few writes more succeed.
	refused := errors.New("no submission was refused on the full disk")
	for range 2000 {
		if _, err := submit(after); err != nil {
			refused = err
			break
		}
	}
	checkAnswer(t, refused, 500, "ServerException", "no space left on device")
	checkAnswer(t, refused, 500, "ServerException", "room on the disk")
	t.Logf("%d submissions were acknowledged, then: %v", len(acknowledged), refused)
	s.describe(acknowledged...) // reading goes on
	// A job that ends now cannot be recorded; it must not be lost.
	touch(t, during)
	until(t, "the end of the worker", func() bool { return len(processesOf(running)) == 0 })

	free()
	touch(t, after)
	freed := time.Now()
	if _, err := submit(after); err != nil {
		t.Errorf("with room on the disk again: %v", err)
	}
	for _, id := range acknowledged {
		job := s.ends(id)
		if job.Status != types.JobStatusSucceeded || len(job.Attempts) != 1 {
			t.Errorf("job %s is %s (%s) after %d attempts, want SUCCEEDED after one", id, job.Status, *job.StatusReason, len(job.Attempts))
		}
	}
	if took := time.Since(freed); took > patience/2 {
		t.Errorf("all had ended %v after there was room again, want seconds", took)
	}
	started := attempts(t, readLedger(t, s.ledger))
	for _, id := range acknowledged {
		if len(started[id]) != 1 {
			t.Errorf("job %s was started %d times", id, len(started[id]))
		}
	}
	if jobs := s.listed(queue, types.JobStatusSucceeded); len(jobs) != len(acknowledged) {
		t.Errorf("%d jobs succeeded, %d were acknowledged", len(jobs), len(acknowledged))
	}
	s.kill()
	s.start()
	s.describe(acknowledged...)
}

// A server that is started on a full disk says so, or serves; it loses nothing.
func TestStartOnAFullDisk(t *testing.T) {
	s := closedShop(newServer(t))
	s.data = smalldisk.Mount(t, 16<<20)
	s.start()
	s.define()
	wait := s.file("go")
	id := s.submit(s.order("runs-on", "-lines", "2", "-wait", wait))
	s.started(id, 1)
	s.kill()
	free := fill(t, s.data)
	p := s.spawn()
	select {
	case <-p.ready:
		s.kill()
	case <-p.exited:
		if said := p.output.String(); p.state.ExitCode() != 1 || !strings.Contains(said, "no space left on device") || !strings.Contains(said, "room on the disk") {
			t.Errorf("started on a full disk it ends with %v and says:\n%s", p.state, said)
		}
	case <-time.After(patience):
		t.Fatal("the server neither serves nor ends")
	}
	free()
	s.start()
	touch(t, wait)
	s.checkEnd(s.ends(id), 0, 2)
	attempts(t, readLedger(t, s.ledger))
}
