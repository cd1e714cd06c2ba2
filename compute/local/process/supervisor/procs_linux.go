package supervisor

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	prSetChildSubreaper = 36 // prctl(2)
	// The wait between two looks at processes that were killed grows from the first
	// to the last: most are gone at once, one that waits for a dead disk is not.
	firstKillPause = time.Millisecond
	lastKillPause  = 100 * time.Millisecond
)

// adoptOrphans makes this process the parent of all its descendants whose parents
// end, so that none gets lost.
func adoptOrphans() { _, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0) }

// childAttributes makes a command the leader of a session that dies with the
// thread that started it. The kernel puts a descriptor of the process into pidFD.
func childAttributes(pidFD *int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL, PidFD: pidFD}
}

// awaitExit waits for a child without keeping a thread, by its descriptor; by a
// thread on kernels before 5.4, which have none.
func awaitExit(pid, pidFD int) syscall.WaitStatus {
	if pidFD >= 0 && syscall.SetNonblock(pidFD, true) == nil {
		process := os.NewFile(uintptr(pidFD), "pidfd")
		defer process.Close()
		if raw, err := process.SyscallConn(); err == nil {
			var status syscall.WaitStatus
			done := false
			err := raw.Read(func(uintptr) bool {
				got, _ := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
				done = got == pid
				return got != 0
			})
			if err == nil && done {
				return status
			}
		}
	}
	return waitThread(pid)
}

// reapOrphans collects adopted processes that have ended, but none of these.
func reapOrphans(but map[int]bool) {
	for _, pid := range children() {
		if !but[pid] {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	}
}

// children are the processes whose parent is this one. They belong to the thread
// that started them, or to any when they were adopted.
func children() []int {
	var all []int
	threads, _ := os.ReadDir("/proc/self/task")
	for _, thread := range threads {
		text, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/children")
		if errors.Is(err, fs.ErrNotExist) && thread.Name() == strconv.Itoa(os.Getpid()) {
			return childrenByParent() // a kernel without CONFIG_PROC_CHILDREN
		}
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				all = append(all, pid)
			}
		}
	}
	return all
}

// childrenByParent asks every process for its parent.
func childrenByParent() []int {
	var all []int
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// "pid (name) state ppid ...", and the name may hold anything.
		stat, _ := os.ReadFile("/proc/" + e.Name() + "/stat")
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(os.Getpid()) {
			all = append(all, pid)
		}
	}
	return all
}

// killDescendants kills all descendants: the death of a child makes its children
// ours, until there are none. No container runs any more.
func killDescendants() {
	for pause := firstKillPause; ; pause = min(2*pause, lastKillPause) {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.ECHILD {
			return
		}
		if pid > 0 || err == syscall.EINTR {
			continue
		}
		for _, child := range children() {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
		time.Sleep(pause)
	}
}

// killMarked kills all processes with this mark and waits until they are gone. The
// children in but are running commands, which have their own waiters.
func killMarked(mark string, but map[int]bool) {
	for pause := firstKillPause; ; pause = min(2*pause, lastKillPause) {
		pids := Survivors(func(m string) bool { return m == mark })
		if len(pids) == 0 {
			return
		}
		for pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		reapOrphans(but)
		time.Sleep(pause)
	}
}

// Survivors finds the processes on this machine whose mark is wanted, and their
// marks. It sees what the user may see: all of their own processes, everything as root. A process
// that ended and waits to be reaped has no environment and is not found.
func Survivors(wanted func(mark string) bool) map[int]string {
	found := map[int]string{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		environment, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil {
			continue
		}
		if mark, ok := markOf(environment); ok && wanted(mark) {
			found[pid] = mark
		}
	}
	return found
}

func markOf(environment []byte) (string, bool) {
	const prefix = MarkEnv + "="
	for len(environment) > 0 {
		var variable []byte
		variable, environment, _ = bytes.Cut(environment, []byte{0})
		if value, ok := bytes.CutPrefix(variable, []byte(prefix)); ok {
			return string(value), true
		}
	}
	return "", false
}

// SeesMarks says that Survivors can find processes.
const SeesMarks = true
