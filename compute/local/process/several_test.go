//go:build unix

package process_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/compute"
)

// several is a task of containers that each run a script; all log to one stream,
// so that its lines tell the order of things.
func several(containers ...compute.Container) compute.Task {
	task := shell("")
	stream := task.Containers[0].LogStream
	for i := range containers {
		containers[i].LogStream = stream
	}
	task.Containers = containers
	return task
}

func scripted(name, script string, dependsOn ...compute.Dependency) compute.Container {
	c := container(name, "", "sh", "-c", script)
	c.DependsOn = dependsOn
	return c
}

func helper(name, script string, dependsOn ...compute.Dependency) compute.Container {
	c := scripted(name, script, dependsOn...)
	c.Essential = false
	return c
}

func after(container, condition string) compute.Dependency {
	return compute.Dependency{Container: container, Condition: condition}
}

// results are the ends of a task's containers: "name 0", or "name: reason".
func results(s compute.TaskStatus) []string {
	var all []string
	for _, c := range s.Containers {
		if c.ExitCode != nil {
			all = append(all, fmt.Sprintf("%s %d", c.Name, *c.ExitCode))
		} else {
			all = append(all, strings.TrimRight(c.Name+": "+c.Reason, ": "))
		}
	}
	return all
}

func TestTasksOfSeveralContainers(t *testing.T) {
	const failedToStart, exited = compute.StopFailedToStart, compute.StopEssentialExited
	tests := map[string]struct {
		containers []compute.Container
		want       []string
		stop       compute.StopCode
		log        []string
	}{
		"the end of an essential container stops the others": {
			[]compute.Container{scripted("main", "sleep 0.05; exit 3"), scripted("side", "exec sleep 3600")},
			[]string{"main 3", "side 143"}, exited, []string{},
		},
		"the end of another one does not": {
			[]compute.Container{scripted("main", "sleep 0.1; echo main"), helper("side", "echo side; exit 1")},
			[]string{"main 0", "side 1"}, exited, []string{"side", "main"},
		},
		"COMPLETE waits for the end, whatever it is": {
			[]compute.Container{
				scripted("main", "echo main", after("init", "COMPLETE")),
				helper("init", "sleep 0.05; echo init; exit 1"),
			},
			[]string{"main 0", "init 1"}, exited, []string{"init", "main"},
		},
		"SUCCESS waits for a good end": {
			[]compute.Container{
				scripted("main", "echo main", after("init", "SUCCESS")),
				helper("init", "sleep 0.05; echo init"),
			},
			[]string{"main 0", "init 0"}, exited, []string{"init", "main"},
		},
		"SUCCESS after a bad one starts nothing": {
			[]compute.Container{
				scripted("main", "echo main", after("init", "SUCCESS")),
				helper("init", "exit 1"),
			},
			[]string{`main: CannotStartContainerError: container "init" exited with 1, and dependsOn asks for SUCCESS`, "init 1"},
			failedToStart, []string{},
		},
		"START waits for the start": {
			[]compute.Container{
				scripted("main", "sleep 0.05; echo main", after("side", "START")),
				helper("side", "echo side; exec sleep 3600"),
			},
			[]string{"main 0", "side 143"}, exited, []string{"side", "main"},
		},
		"a chain": {
			[]compute.Container{
				scripted("c", "echo c", after("b", "SUCCESS")),
				helper("b", "echo b", after("a", "COMPLETE")),
				helper("a", "echo a"),
			},
			[]string{"c 0", "b 0", "a 0"}, exited, []string{"a", "b", "c"},
		},
		"a circle": {
			[]compute.Container{scripted("a", "", after("b", "START")), scripted("b", "", after("a", "START"))},
			[]string{"a", "b: CannotStartContainerError: the containers depend on each other in a circle: remove one dependsOn"},
			failedToStart, nil,
		},
		"a helper that cannot start": {
			[]compute.Container{scripted("main", "echo main"), func() compute.Container {
				c := helper("side", "")
				c.Command = nil
				return c
			}()},
			[]string{"main 0", `side: CannotStartContainerError: container "side" has no command, and the image's own is not known without Docker: give the job a command`},
			exited, []string{"main"},
		},
	}
	b := newBench(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task := several(test.containers...)
			got := b.ends(task)
			if got.StopCode != test.stop {
				t.Errorf("StopCode = %s (%s), want %s", got.StopCode, got.Reason, test.stop)
			}
			if diff := cmp.Diff(test.want, results(got)); diff != "" {
				t.Errorf("containers (-want +got):\n%s", diff)
			}
			if test.log == nil {
				return
			}
			if diff := cmp.Diff(test.log, b.output(task.Containers[0])); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

// What a container leaves behind ends with it, while the others go on.
func TestTheEndOfOneContainerLeavesTheOthers(t *testing.T) {
	b := newBench(t)
	task := several(
		scripted("main", "while [ ! -e go ]; do sleep 0.01; done; echo main"),
		helper("side", "(setsid sh -c 'while :; do sleep 0.01; done' &); (setsid sh -c 'while [ ! -e never ]; do sleep 0.01; done; echo alive' &); exit 5"),
	)
	b.run(task)
	var seen compute.TaskStatus
	for !slices.Contains(results(seen), "side 5") {
		<-b.changed
		if told := b.told(task.ID); len(told) > 0 {
			seen = told[len(told)-1]
		}
	}
	if seen.State != compute.TaskRunning {
		t.Errorf("state = %s after the end of a container that is not essential, want RUNNING", seen.State)
	}
	b.touch(task.ID, "never")
	b.touch(task.ID, "go")
	b.stopped(task.ID)
	if diff := cmp.Diff([]string{"main"}, b.output(task.Containers[0])); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
