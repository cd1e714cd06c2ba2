// Package local is the compute of one machine: tasks run here, for real, on hosts
// that are imitated, so that a compute environment written for AWS works unchanged
// on a laptop.
//
// A [Runtime] runs the tasks: package docker in containers, package process as
// plain processes. It is the only record of them, and knows nothing of hosts. The
// [Backend] adds the hosts: it keeps one small file for each, takes no more tasks
// on a host than its instance type has room for, and when a host is terminated, or
// reclaimed as Spot hosts are, kills the host's tasks and tells them as lost.
//
// Nothing is held in memory only. After a restart the hosts are read from their
// files (timers of those that still boot run on), and which tasks they hold from
// the runtime; what each task needs, which a runtime does not tell, is in a
// journal beside the files.
package local
