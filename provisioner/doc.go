// Package provisioner decides which hosts of a compute environment come and go.
//
// Make is a pure function: what could not be placed, the fleet, the limits, the prices and
// the time in; launches, drains and terminations out. It reads no clock, store or cloud, so
// a server, the functions and the simulator share it.
//
// What waits is first set against the hosts that boot already, each for the jobs that it was
// launched for (plan.go, meant.go). The rest is parted among Spot and On-Demand (market.go),
// and the allocation strategy says which types it may have (strategy.go). Some of it is let
// wait for the room that others are expected to leave, where that is worth the boot of a
// host (patience.go). The others are packed for the least money by the package packing; of
// that packing, hosts are launched that cost less until their last job ends than a host for
// each of their jobs (grow.go). Never more than maxvCpus.
//
// A host without tasks stays for a fixed idle window, or for as long as its keep is
// expected to cost less than its return; then it is drained, and ended when it is drained,
// the dearest first (shrink.go). minvCpus stay.
//
// PreviewOf shows a plan to people. The package baseline has other policies to compare with,
// and catalog the types and their prices.
package provisioner
