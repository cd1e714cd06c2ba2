// Package foresight tells what a workload would cost whoever knew all of it beforehand:
// when each job arrives, and how long it runs.
//
// Nobody who runs jobs knows that. But batch jobs cannot be moved from host to host, and
// the lower bound of a workload (see package simulator) lets them move at every moment. So
// the bound may be far from what anyone can reach, and what foresight reaches shows how
// much of the distance is knowledge, and how much is that jobs stay where they are.
//
// Foresight is greedy, so that a cleverer plan may be cheaper by some percent.
package foresight
