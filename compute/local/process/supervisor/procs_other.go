//go:build unix && !linux

package supervisor

import "syscall"

// Without Linux's means a container is its process group, which is killed when
// its command ends; see the package comment for what that leaves out.

func adoptOrphans() {}

func childAttributes(*int) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func awaitExit(pid, _ int) syscall.WaitStatus { return waitThread(pid) }

func reapOrphans(map[int]bool) {}

func killDescendants() {}

func killMarked(string, map[int]bool) {}

// Survivors finds nothing where environments cannot be read.
func Survivors(func(mark string) bool) map[int]string { return nil }

// SeesMarks says that Survivors can find processes.
const SeesMarks = false
