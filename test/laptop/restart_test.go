//go:build unix

package laptop

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
)

// touch makes the file that a worker waits for.
func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// wantLines is what a worker prints in an attempt.
func wantLines(lines, attempt int) []string {
	var all []string
	for i := range lines {
		all = append(all, fmt.Sprintf("line %d of %d, attempt %d", i+1, lines, attempt))
	}
	return all
}

// checkEnd compares an ended job of one attempt with what it did.
func (s *shop) checkEnd(job types.JobDetail, exit int32, lines int) {
	s.Helper()
	want := types.JobStatusSucceeded
	if exit != 0 {
		want = types.JobStatusFailed
	}
	if job.Status != want || len(job.Attempts) != 1 {
		s.Fatalf("job %s is %s (%s) after %d attempts, want %s after one",
			*job.JobId, job.Status, aws.ToString(job.StatusReason), len(job.Attempts), want)
	}
	c := job.Attempts[0].Container
	if c.ExitCode == nil || *c.ExitCode != exit {
		s.Errorf("job %s has exit code %s, want %d", *job.JobId, code(c.ExitCode), exit)
	}
	if diff := cmp.Diff(wantLines(lines, 1), s.lines("/aws/batch/job", *c.LogStreamName)); diff != "" {
		s.Errorf("log of job %s (-want +got):\n%s", *job.JobId, diff)
	}
}

func TestJobsRunOnWithoutTheServer(t *testing.T) {
	ends := map[string]func(*server){
		"kill -9": (*server).kill,
		"SIGTERM": (*server).stop,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			go1, go2 := s.file("go1"), s.file("go2")
			during := s.submit(s.order("ends-while-down", "-lines", "3", "-wait", go1, "-exits", "5"))
			after := s.submit(s.order("ends-after", "-lines", "3", "-wait", go2, "-exits", "7"))
			s.started(during, 1)
			s.started(after, 1)
			before := s.reaches(after, types.JobStatusRunning)
			end(s.server)

			touch(t, go1)
			until(t, "the end of "+during, func() bool { return len(supervisors(s.data)) == 1 })
			s.start()
			s.checkEnd(s.ends(during), 5, 3)
			again := s.job(after)
			if again.Status != types.JobStatusRunning || *again.StartedAt != *before.StartedAt {
				t.Errorf("after the restart job %s is %s since %d, want RUNNING since %d", after, again.Status, *again.StartedAt, *before.StartedAt)
			}
			touch(t, go2)
			s.checkEnd(s.ends(after), 7, 3)
			attempts(t, readLedger(t, s.ledger))
		})
	}
}

// The server may be gone while the supervisor still starts.
func TestAJobThatWasJustSubmittedRunsOnce(t *testing.T) {
	s := newShop(t)
	moments := chance(t, "moments")
	var ids []string
	for range 12 {
		ids = append(ids, s.submit(s.order("just-submitted", "-lines", "1")))
		time.Sleep(time.Duration(moments.Int64N(int64(60 * time.Millisecond)))) // where the kill falls is the chance of this test
		s.kill()
		s.start()
	}
	for _, id := range ids {
		s.checkEnd(s.ends(id), 0, 1)
	}
	attempts(t, readLedger(t, s.ledger))
}
