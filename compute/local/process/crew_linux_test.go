package process_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// supervisedBy is the process that had a task, which may have ended.
func (b *bench) supervisedBy(id string) int {
	b.Helper()
	past, err := supervisor.ReadJournal(supervisor.JournalPath(b.taskDir(id)))
	if err != nil {
		b.Fatal(err)
	}
	return past.Supervisor
}

func TestASupervisorTakesOneTaskAfterAnother(t *testing.T) {
	b := newBench(t)
	first := shell("echo first; exit 1")
	b.ends(first)
	// It is free a moment after the end is told; until then another one is started.
	for i := range 1000 {
		next := shell("echo next; exit 2")
		got := b.ends(next)
		if diff := cmp.Diff([]string{"next"}, b.output(next.Containers[0])); code(got) != 2 || diff != "" {
			t.Fatalf("task %d ended with %d, log (-want +got):\n%s", i, code(got), diff)
		}
		if b.supervisedBy(next.ID) == b.supervisedBy(first.ID) {
			return
		}
	}
	t.Error("1,000 tasks, and none had the supervisor of the first")
}

func TestASupervisorThatDiedWhileItWaitedIsReplaced(t *testing.T) {
	b := newBench(t)
	for range 5 {
		task := shell("exit 3")
		got := b.ends(task)
		if code(got) != 3 {
			t.Fatalf("task = %+v, want exit code 3", got)
		}
		pid := b.supervisedBy(task.ID)
		b.kill(pid)
		b.gone(pid)
	}
}

// What a server has started leaves with it, but for what has a task.
func TestSupervisorsThatWaitLeaveWithTheServer(t *testing.T) {
	b := newBench(t)
	ended, runs := shell("exit 0"), shell("while [ ! -e go ]; do sleep 0.01; done; exit 4")
	b.run(runs)
	b.running(runs.ID)
	b.ends(ended)
	waits, works := b.supervisedBy(ended.ID), b.supervisedBy(runs.ID)
	b.close()
	b.gone(waits)
	if !lives(works) {
		t.Errorf("the supervisor of a task that runs left with the server")
	}
	b.touch(runs.ID, "go")
	b.gone(works)
	b.open()
	if got := b.stopped(runs.ID); code(got) != 4 {
		t.Errorf("the task ended as %+v, want exit code 4", got)
	}
}

// What a task had is closed before the next: files do not add up. A supervisor that looks at
// something has a few files more for a moment.
func TestASupervisorKeepsNothingOfItsTasks(t *testing.T) {
	b := newBench(t)
	const script = "ls /proc/self/fd | wc -l; ls /proc/$PPID/fd | wc -l"
	type files struct{ task, supervisor, tasks int }
	first := map[int]files{} // by supervisor: what its first task saw
	most := 0                // tasks of one supervisor
	for range 60 {
		task := shell(script)
		b.ends(task)
		var now files
		if _, err := fmt.Sscan(strings.Join(b.output(task.Containers[0]), " "), &now.task, &now.supervisor); err != nil {
			t.Fatal(err)
		}
		pid := b.supervisedBy(task.ID)
		then, known := first[pid]
		if !known {
			then = now
		}
		const moment = 8
		if now.task != then.task || now.supervisor > then.supervisor+moment {
			t.Fatalf("after %d tasks of a supervisor %d files are open in the task and %d in the supervisor; at its first %d and %d",
				then.tasks, now.task, now.supervisor, then.task, then.supervisor)
		}
		then.tasks++
		first[pid] = then
		most = max(most, then.tasks)
	}
	if most <= 16 {
		t.Errorf("no supervisor had more than %d of 60 tasks: too few to tell", most)
	}
}

// gone waits until a process is no more.
func (b *bench) gone(pid int) {
	b.Helper()
	for deadline := time.Now().Add(patience); lives(pid); time.Sleep(time.Millisecond) { // nothing tells when
		if time.Now().After(deadline) {
			b.Fatalf("process %d lives on", pid)
		}
	}
}
