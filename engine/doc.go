// Package engine makes time pass: it starts what may start, notes what has
// happened, and lets hosts come and go.
//
// A pass loads the queues, the hosts and the front of what waits, lets scheduler
// and provisioner decide, records each decision by a conditional write, and only
// then acts, with tokens derived from what was recorded. It may stop anywhere: the
// next one looks again and goes on. Nothing lives between two passes but the
// records; what the engine keeps in memory only saves work.
//
// Observe turns news of tasks and hosts into transitions. Sweep asks compute what is
// really there, so that lost news costs time and nothing else.
package engine
