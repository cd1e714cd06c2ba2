package supervisor

import (
	"os/exec"
	"slices"
	"testing"
)

func TestChildrenAreFoundBothWays(t *testing.T) {
	command := exec.Command("sleep", "3600")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { command.Process.Kill(); command.Wait() }()
	for name, find := range map[string]func() []int{"children": children, "childrenByParent": childrenByParent} {
		if pids := find(); !slices.Contains(pids, command.Process.Pid) {
			t.Errorf("%s() = %v, want %d among them", name, pids, command.Process.Pid)
		}
	}
}

func TestSurvivorsAreFoundByTheirMark(t *testing.T) {
	command := exec.Command("sleep", "3600")
	command.Env = []string{"A=b", MarkEnv + "=mark/0"}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { command.Process.Kill(); command.Wait() }()
	found := Survivors(func(mark string) bool { return mark == "mark/0" })
	if len(found) != 1 || found[command.Process.Pid] != "mark/0" {
		t.Errorf("Survivors = %v, want process %d", found, command.Process.Pid)
	}
	if other := Survivors(func(mark string) bool { return mark == "mark/1" }); len(other) != 0 {
		t.Errorf("Survivors of another mark = %v", other)
	}
}
