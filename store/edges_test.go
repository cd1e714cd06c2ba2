package store_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

func TestEdgesAreFoundFromBothEnds(t *testing.T) {
	b := open(t)
	for _, e := range []store.Edge{
		{On: "a", Waiter: "x"}, {On: "a", Waiter: "y", Mode: batch.ArrayNToN}, {On: "b", Waiter: "x"},
		{On: "a:1", Waiter: "x"}, {On: "a:10", Waiter: "z"}, {On: "a:1", Waiter: "z"}, {On: "a:999999", Waiter: "w"},
	} {
		b.write(b.PutEdge(e))
	}
	list := func(edges []store.Edge, err error) []string {
		b.Helper()
		b.must(err)
		out := []string{}
		for _, e := range edges {
			if e.Version != 1 {
				t.Errorf("edge %+v has no version", e)
			}
			out = append(out, e.Waiter+" on "+e.On+string(e.Mode))
		}
		return out
	}
	b.wants("who waits for an array", list(b.Waiters(b.ctx, "a")), "x on a", "y on aN_TO_N")
	b.wants("who waits for a child", list(b.Waiters(b.ctx, "a:1")), "x on a:1", "z on a:1")
	b.wants("who waits for another child", list(b.Waiters(b.ctx, "a:10")), "z on a:10")
	b.wants("who waits for a child that nobody waits for", list(b.Waiters(b.ctx, "a:100")))
	b.wants("who waits for any child", list(b.ChildWaiters(b.ctx, "a")), "x on a:1", "z on a:1", "z on a:10", "w on a:999999")
	b.wants("who waits for children of another", list(b.ChildWaiters(b.ctx, "b")))
	edges, err := b.EdgesOf(b.ctx, "x", []string{"a", "b", "a:1", "a:2", "c"})
	found := map[string]bool{}
	for _, e := range edges {
		found[e.On] = e.Waiter == "x" && e.Version == 1
	}
	if err != nil || len(found) != 3 || !found["a"] || !found["b"] || !found["a:1"] {
		t.Errorf("EdgesOf x = %+v, %v; want those on a, b and a:1", edges, err)
	}
}

func TestAnEdgeIsCutOnce(t *testing.T) {
	b := open(t)
	for _, on := range []string{"a", "a:7"} {
		b.write(b.PutEdge(store.Edge{On: on, Waiter: "x"}))
		edges, err := b.Waiters(b.ctx, on)
		b.must(err)
		b.write(b.CutEdge(edges[0]))
		if err := b.Write(b.ctx, b.CutEdge(edges[0])); !store.IsConflict(err) {
			t.Errorf("cutting the edge on %s again = %v, want ErrConflict", on, err)
		}
		if edges, err := b.Waiters(b.ctx, on); err != nil || len(edges) != 0 {
			t.Errorf("who waits for %s = %v, %v; want nobody", on, edges, err)
		}
	}
}
