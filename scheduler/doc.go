// Package scheduler decides which runnable jobs start now, and on which host.
//
// Plan is a pure function: Snapshot in, Decision out. It reads no clock, store or
// cloud, so the service, the laptop and the simulator share it, and any decision
// can be replayed from a recorded Snapshot.
//
// The order is AWS Batch's. Queues of higher priority come first. Within a queue
// it is first in, first out; with a fair-share policy the next job comes from the
// share that has used the least for its weight, and within a share higher
// scheduling priority goes before age. A job takes the first environment of its
// queue that can hold it now, there the fullest host that fits, so that other
// hosts empty and can go.
//
// A job that fits nowhere now does not stop smaller ones behind it, but it cannot
// be starved by them either: where no host can be added for it, one host is
// reserved for the first such job of an environment and drains until it fits.
//
// Each job that is left waiting gets a Reason with numbers, and is handed on as
// demand for the provisioner.
package scheduler
