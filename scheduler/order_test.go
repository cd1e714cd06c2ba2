package scheduler_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/scheduler"
)

func TestTheOrderOfDispatch(t *testing.T) {
	one := func(free float64) scheduler.Environment { return fixed("ce", host("h", free)) }
	ce := []string{"ce"}
	shares := func(list ...scheduler.Share) []scheduler.Queue {
		return []scheduler.Queue{{
			Name: "q", Environments: ce, Shares: list, Fair: &scheduler.FairShare{NewJobSeconds: 60},
		}}
	}
	share := func(id string, weight, usage float64, jobs ...scheduler.Job) scheduler.Share {
		return scheduler.Share{ID: id, Weight: weight, Usage: usage, Jobs: jobs}
	}
	for name, test := range map[string]struct {
		queues []scheduler.Queue
		free   float64
		want   []string
	}{
		"first in, first out": {
			[]scheduler.Queue{queue("q", 1, ce, job("j1", 1), job("j2", 1), job("j3", 1))}, 2,
			[]string{"j1>h", "j2>h"},
		},
		"the queue of higher priority comes first": {
			[]scheduler.Queue{queue("a", 1, ce, job("low", 1)), queue("b", 9, ce, job("high", 1))}, 1,
			[]string{"high>h"},
		},
		"of equal priority the queue whose name comes first": {
			[]scheduler.Queue{queue("b", 1, ce, job("b1", 1)), queue("a", 1, ce, job("a1", 1))}, 1,
			[]string{"a1>h"},
		},
		"a small job behind one that fits nowhere is placed": {
			[]scheduler.Queue{queue("q", 1, ce, job("big", 4), job("small", 1))}, 1,
			nil, // but not on the one host there is: it is kept for the big one
		},
		"a lower queue gets what a higher one leaves": {
			[]scheduler.Queue{queue("a", 9, ce, job("a1", 1)), queue("b", 1, ce, job("b1", 1), job("b2", 1), job("b3", 1))}, 3,
			[]string{"a1>h", "b1>h", "b2>h"},
		},
		"an array's children start until there is no room": {
			[]scheduler.Queue{queue("q", 1, ce, array("a", 10, 1), job("j", 1))}, 4,
			[]string{"a>h", "a>h", "a>h", "a>h"},
		},
		"the share that used the least comes first": {
			shares(share("red", 1, 100, job("r", 1)), share("blue", 1, 50, job("b", 1))), 1,
			[]string{"b>h"},
		},
		"a lower weight counts for more": {
			shares(share("red", 0.1, 100, job("r", 1)), share("blue", 1, 50, job("b", 1))), 1,
			[]string{"r>h"},
		},
		"a weight that is not set is 1": {
			shares(share("red", 0, 49, job("r", 1)), share("blue", 1, 50, job("b", 1))), 1,
			[]string{"r>h"},
		},
		"of equal use the share whose id comes first": {
			shares(share("red", 1, 0, job("r", 1)), share("blue", 1, 0, job("b", 1))), 1,
			[]string{"b>h"},
		},
		"shares take turns: what starts counts at once": {
			shares(share("red", 1, 0, array("r", 5, 1)), share("blue", 1, 0, array("b", 5, 1))), 4,
			[]string{"b>h", "r>h", "b>h", "r>h"},
		},
		"with twice the weight every second turn": {
			shares(share("half", 0.5, 0, array("h", 9, 1)), share("one", 1, 0, array("o", 9, 1))), 4,
			[]string{"h>h", "o>h", "h>h", "h>h"},
		},
		"within a share in the order given": {
			shares(share("red", 1, 0, job("r1", 1), job("r2", 1), job("r3", 1))), 2,
			[]string{"r1>h", "r2>h"},
		},
		"a share without jobs is passed over": {
			shares(share("red", 1, 0), share("blue", 1, 100, job("b", 1))), 1,
			[]string{"b>h"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := scheduler.Plan(scheduler.Snapshot{Queues: test.queues, Environments: []scheduler.Environment{one(test.free)}})
			wants(t, "placed", placed(d), test.want...)
		})
	}
}

func TestWaitsStandInTheOrderOfDispatch(t *testing.T) {
	ce := []string{"ce"}
	d := scheduler.Plan(scheduler.Snapshot{
		Queues: []scheduler.Queue{
			queue("low", 1, ce, job("l1", 1), array("l2", 7, 1)), queue("high", 2, ce, array("h1", 3, 1), job("h2", 1)),
		},
		Environments: []scheduler.Environment{fixed("ce", host("h", 1))},
	})
	wants(t, "placed", placed(d), "h1>h")
	wants(t, "waits", waits(d), "h1*2", "h2", "l1", "l2*7")
}
