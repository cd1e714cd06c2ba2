package store

import (
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// A job's state is written with every transition, and DynamoDB counts each KiB. So
// what can be told from the rest of the record is left out of it: the environment's
// name in the name of its cluster, and a reason that the last attempt has as well.

// clusterInfix stands between the environment's name and what is behind it in the
// name of a cluster (see control).
const clusterInfix = "_Batch_"

// shortCluster marks the name of a cluster without its environment's. No name of a
// cluster begins so.
const shortCluster = "~"

// compact returns j as it is stored.
func compact(j batch.Job) batch.Job {
	if p := j.Placement; p != nil {
		short := compactPlacement(*p)
		j.Placement = &short
	}
	if j.Last != nil {
		last := *j.Last
		last.Placement = compactPlacement(last.Placement)
		j.Last = &last
		if last.StatusReason == j.Reason && batch.Final(j.Status) {
			j.Reason = ""
		}
	}
	return j
}

func compactPlacement(p batch.Placement) batch.Placement {
	if rest, ok := strings.CutPrefix(p.Cluster, p.Environment+clusterInfix); ok {
		p.Cluster = shortCluster + rest
	}
	return p
}

// expand is the inverse of compact. It changes what j points to.
func expand(j *batch.Job) {
	if j.Placement != nil {
		expandPlacement(j.Placement)
	}
	if j.Last != nil {
		expandPlacement(&j.Last.Placement)
		if j.Reason == "" && batch.Final(j.Status) {
			j.Reason = j.Last.StatusReason
		}
	}
}

func expandPlacement(p *batch.Placement) {
	if rest, ok := strings.CutPrefix(p.Cluster, shortCluster); ok {
		p.Cluster = p.Environment + clusterInfix + rest
	}
}
