// Package provisioner decides which hosts come and go.
//
// Plan is a pure function: what could not be placed, the fleet, the limits, the
// prices and the time in; launches, drains and terminations out. It reads no
// clock, store or cloud.
//
// Launches: what waits is first set against hosts that are booting already. For
// the rest, hosts are chosen one shape after the other: of all allowed types that
// hold the largest waiting job, the one that takes the most of what waits for its
// price, and that choice is repeated while its filling repeats. Never more than
// maxvCpus.
//
// Tear-down: a host without tasks for which nothing waits is drained when its idle
// window is over, and ended when it is drained; minvCpus stay.
package provisioner
