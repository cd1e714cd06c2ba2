//go:build unix

package process_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/computetest"
	"github.com/packhorse-batch/packhorse/compute/local/process"
	"github.com/packhorse-batch/packhorse/logs"
)

// hostless makes a backend of a runtime: tasks without hosts, as on Fargate.
type hostless struct{ *process.Runtime }

var errNoHosts = errors.New("a runtime has no hosts")

func (hostless) Launch(context.Context, compute.HostRequest) (compute.Host, error) {
	return compute.Host{}, errNoHosts
}
func (hostless) ListHosts(context.Context) ([]compute.Host, error) { return nil, nil }
func (hostless) Terminate(context.Context, string) error           { return nil }
func (hostless) Machine() *compute.Machine                         { return nil }

func TestRuntimeKeepsTheContract(t *testing.T) {
	computetest.Run(t, func(t *testing.T) computetest.Harness {
		dir := t.TempDir()
		var current *process.Runtime
		open := func(t *testing.T) compute.Backend {
			if current != nil {
				current.Close()
			}
			r, err := process.Open(options(dir))
			if err != nil {
				t.Fatal(err)
			}
			current = r
			return hostless{r}
		}
		command := func(words ...string) compute.Container {
			return compute.Container{Image: "busybox", Command: words}
		}
		t.Cleanup(func() {
			b := &bench{T: t, dir: dir, history: map[string][]compute.TaskStatus{}, changed: make(chan struct{}, 1)}
			current.Close()
			b.open()
			b.stopAll()
		})
		return computetest.Harness{
			Backend: open(t),
			Reopen:  open,
			Exit:    func(code int32) compute.Container { return command("sh", "-c", fmt.Sprint("exit ", code)) },
			Forever: func() compute.Container { return command("sleep", "3600") },
			Broken:  func() compute.Container { return command("no-such-program") },
			Print: func(lines ...string) compute.Container {
				script := ""
				for _, line := range lines {
					script += "echo " + strconv.Quote(line) + "\n"
				}
				return command("sh", "-c", script)
			},
			Lines:   func(t *testing.T, group, stream string) []string { return lines(t, dir, group, stream) },
			Several: true,
			InOrder: true,
		}
	})
}

// lines is what a stream holds; nothing while there is none.
func lines(t *testing.T, dir, group, stream string) []string {
	store, err := logs.Open(options(dir).Logs)
	if err != nil {
		t.Fatal(err)
	}
	page, err := store.Events(context.Background(), group, stream, logs.EventsQuery{FromHead: true})
	if errors.Is(err, logs.ErrNoGroup) || errors.Is(err, logs.ErrNoStream) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range page.Events {
		all = append(all, strings.Clone(e.Message))
	}
	return all
}
