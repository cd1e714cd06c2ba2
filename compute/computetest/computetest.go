// Package computetest holds a compute.Backend to the promises of package compute.
// Every backend passes the same lines; a bug found in one becomes a case for all.
//
//	func TestBackend(t *testing.T) {
//		computetest.Run(t, func(t *testing.T) computetest.Harness {
//			backend := ...
//			return computetest.Harness{Backend: backend, Exit: ..., Forever: ...}
//		})
//	}
//
// The suite waits for news, never for time to pass, and gives up after
// Harness.Patience.
package computetest

import (
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// Harness is one open backend and how the suite makes it do things. What is left
// nil the backend does not have: the cases that need it are skipped, and say so.
type Harness struct {
	Backend compute.Backend

	// Reopen does what a restart of the server does: it closes the backend and
	// opens it again over what it left behind.
	Reopen func(t *testing.T) compute.Backend

	// Host makes a request for a host that is not there yet, with the given id. The
	// host must have at least 1 vCPU and 512 MiB. Nil: tasks run without hosts.
	Host func(id string) compute.HostRequest
	// Hostless says that tasks may run on no host, as on Fargate. It is taken for
	// granted when Host is nil.
	Hostless bool
	// Join makes a launched host join its cluster, where nothing runs on it that would.
	// Only Wire calls it.
	Join func(t *testing.T, host compute.Host)

	// Exit makes a container that ends by itself with an exit code. Required. In
	// these containers the suite sets name, need, log stream and stop timeout.
	Exit func(code int32) compute.Container
	// Forever makes a container that runs until it is stopped and obeys SIGTERM.
	// Required.
	Forever func() compute.Container
	// Broken makes a container that cannot start (an image or a program that does
	// not exist).
	Broken func() compute.Container
	// Print makes a container that prints lines and exits with 0, and Lines reads
	// what a log stream holds.
	Print func(lines ...string) compute.Container
	Lines func(t *testing.T, group, stream string) []string
	// Several says that a task may have more than one container.
	Several bool

	// Step lets the next thing happen in a backend whose time the test moves; false
	// when nothing will. Nil: time moves by itself.
	Step func() bool
	// InOrder says that news of one task or host is never lost, doubled or late, so
	// that its versions rise from one news to the next.
	InOrder bool
	// Patience bounds each wait; 0 is defaultPatience.
	Patience time.Duration
}

// defaultPatience is long because a busy machine must not fail the suite; waits
// end as soon as the news is there.
const defaultPatience = 30 * time.Second

// Run holds the backends that open returns, a new one for each case, to the
// promises.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, open(t))
			if lacks := c.lacks(s.h); lacks != "" {
				t.Skipf("the backend lacks %s", lacks)
			}
			c.run(s)
		})
	}
}

// promise is one case of the suite.
type promise struct {
	name  string
	run   func(*scene)
	needs []need
}

// lacks names the first thing that the promise is about and the backend has not;
// empty if it has all.
func (p promise) lacks(h Harness) string {
	for _, n := range p.needs {
		if !n.has(h) {
			return n.name
		}
	}
	return ""
}

// need is something that not every backend has.
type need struct {
	name string
	has  func(Harness) bool
}

var (
	hosts     = need{"hosts (Harness.Host)", func(h Harness) bool { return h.Host != nil }}
	hostless  = need{"tasks without hosts (Harness.Hostless)", func(h Harness) bool { return h.Hostless || h.Host == nil }}
	broken    = need{"containers that cannot start (Harness.Broken)", func(h Harness) bool { return h.Broken != nil }}
	lines     = need{"log lines (Harness.Print, Harness.Lines)", func(h Harness) bool { return h.Print != nil && h.Lines != nil }}
	several   = need{"tasks of several containers (Harness.Several)", func(h Harness) bool { return h.Several }}
	reopening = need{"reopening (Harness.Reopen)", func(h Harness) bool { return h.Reopen != nil }}
	draining  = need{"hosts that are told to drain (compute.Drainer)", func(h Harness) bool { _, ok := h.Backend.(compute.Drainer); return ok }}
	inOrder   = need{"news in order (Harness.InOrder)", func(h Harness) bool { return h.InOrder }}
)

func cases() []promise {
	return []promise{
		{"a task runs and its exit code comes back", taskExits, nil},
		{"a task that fails keeps its exit code", taskFails, nil},
		{"a task that cannot start stops with TaskFailedToStart", taskCannotStart, []need{broken}},
		{"a task without a host runs", taskWithoutHost, []need{hostless}},
		{"what a task prints is in its log stream", taskPrints, []need{lines}},
		{"the end of an essential container ends the task", essentialEnds, []need{several}},

		{"running a known task changes nothing", runKnown, nil},
		{"running a task twice runs it once", runTwice, []need{lines}},
		{"running a task from many goroutines runs it once", runFromMany, nil},
		{"many tasks at once all end", manyTasks, nil},

		{"Stop ends a task for the given reason", stopRunning, nil},
		{"Stop straight after Run leaves nothing running", stopAtOnce, nil},
		{"Stop of an ended task does nothing", stopEnded, nil},
		{"Stop of an unknown task is no error", stopUnknown, nil},

		{"Forget removes an ended task from the list", forgetEnded, nil},
		{"Forget of a task that runs does not end it", forgetRunning, nil},
		{"Forget of an unknown task is no error", forgetUnknown, nil},

		{"a task never goes back, and lists agree with news", statesAndVersions, nil},
		{"versions rise from news to news", newsInOrder, []need{inOrder}},
		{"Watch ends with its context", watchEnds, nil},
		{"a second watch gets what comes after the first", watchAgain, nil},
		{"Watch returns at once if its context has ended", watchEnded, nil},

		{"Launch gives a host that becomes READY", launchHost, []need{hosts}},
		{"launching an ID again gives the same host", launchTwice, []need{hosts}},
		{"launching an ID from many goroutines gives one host", launchFromMany, []need{hosts}},
		{"a host whose ID is gone is not launched again", launchGone, []need{hosts}},
		{"Terminate makes a host go away", terminateHost, []need{hosts}},
		{"Terminate of an unknown host is no error", terminateUnknown, []need{hosts}},
		{"tasks are lost with their host", loseTasks, []need{hosts}},
		{"a task that ended before its host keeps its end", endedBeforeHost, []need{hosts}},
		{"a host takes no more than it has", hostFull, []need{hosts}},
		{"a task on an unknown host is refused", unknownHost, []need{hosts}},
		{"a host that drains keeps its tasks and takes no more", drainHost, []need{hosts, draining}},

		{"tasks are there after reopening", reopenTasks, []need{reopening}},
		{"a task that ended before reopening keeps its end", reopenEnded, []need{reopening}},
		{"a task can be stopped after reopening", reopenStop, []need{reopening}},
		{"hosts are there after reopening", reopenHosts, []need{reopening, hosts}},
		{"a host is as full after reopening", reopenFull, []need{reopening, hosts}},
		{"a host that is gone is gone after reopening", reopenGone, []need{reopening, hosts}},
	}
}
