package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// Edge says that a job waits for another.
type Edge struct {
	Version int64           `json:"-"`
	On      string          `json:"-"` // the job that must end first
	Waiter  string          `json:"-"` // the job that waits
	Mode    batch.ArrayMode `json:"m,omitempty"`
}

// Edges stand in the partition of the job waited for. Those on a child stand in the
// partition of its array, behind those on the array itself: when an array closes, all
// who wait for children of it are found at once.
const (
	firstChildEdge = "~"
	childEdgeEnd   = "$" // the byte behind the '#' that ends the index
)

func edgePartition(family string) string { return "waits#" + family }

func edgeKey(on, waiter string) Key {
	if parent, index, ok := batch.SplitChild(on); ok {
		return Key{edgePartition(parent), childEdges(index) + "#" + waiter}
	}
	return Key{edgePartition(on), waiter}
}

func childEdges(index int) string { return fmt.Sprintf("%s%07d", firstChildEdge, index) }

// edgeOf is the inverse of edgeKey, but for what the record itself tells.
func edgeOf(key Key) Edge {
	family := strings.TrimPrefix(key.Partition, edgePartition(""))
	rest, ok := strings.CutPrefix(key.Sort, firstChildEdge)
	if !ok {
		return Edge{On: family, Waiter: key.Sort}
	}
	digits, waiter, _ := strings.Cut(rest, "#")
	index := 0
	for _, c := range digits {
		index = index*10 + int(c-'0')
	}
	return Edge{On: batch.ChildID(family, index), Waiter: waiter}
}

// PutEdge records that waiter waits for on.
func (r *Records) PutEdge(e Edge) Op {
	return put(edgeKey(e.On, e.Waiter), e.Version, e, time.Time{})
}

// CutEdge removes an edge that must still be there: of several that see the end of
// a job, one cuts and counts.
func (r *Records) CutEdge(e Edge) Op { return Delete(edgeKey(e.On, e.Waiter), IfVersion(e.Version)) }

// Waiters returns the edges to jobs that wait for on: a plain job, a whole array or
// a single child.
func (r *Records) Waiters(ctx context.Context, on string) ([]Edge, error) {
	if parent, index, ok := batch.SplitChild(on); ok {
		sort := childEdges(index)
		return r.edges(ctx, Query{Partition: edgePartition(parent), From: sort + "#", Before: sort + childEdgeEnd})
	}
	return r.edges(ctx, Query{Partition: edgePartition(on), Before: firstChildEdge})
}

// ChildWaiters returns the edges to jobs that wait for single children of an array,
// by index.
func (r *Records) ChildWaiters(ctx context.Context, parent string) ([]Edge, error) {
	return r.edges(ctx, Query{Partition: edgePartition(parent), From: firstChildEdge})
}

func (r *Records) edges(ctx context.Context, q Query) ([]Edge, error) {
	var edges []Edge
	err := each(ctx, r.table, q, 0, func(item Item) (bool, error) {
		e, err := decodeEdge(item)
		edges = append(edges, e)
		return true, err
	})
	return edges, err
}

func decodeEdge(item Item) (Edge, error) {
	e := edgeOf(item.Key)
	err := decode(item, &e)
	e.Version = item.Version
	return e, err
}

// EdgesOf returns those edges of a waiting job that are not cut yet.
func (r *Records) EdgesOf(ctx context.Context, waiter string, on []string) ([]Edge, error) {
	var edges []Edge
	for start := 0; start < len(on); start += MaxBatchGet {
		chunk := on[start:min(start+MaxBatchGet, len(on))]
		keys := make([]Key, len(chunk))
		for i, id := range chunk {
			keys[i] = edgeKey(id, waiter)
		}
		items, err := r.table.BatchGet(ctx, keys)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			e, err := decodeEdge(item)
			if err != nil {
				return nil, err
			}
			edges = append(edges, e)
		}
	}
	return edges, nil
}
