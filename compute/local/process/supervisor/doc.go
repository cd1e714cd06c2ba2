//go:build unix

// Package supervisor runs the containers of one task as plain processes, writes
// their output to the logs and records how they end. It is a process of its own,
// "packhorse supervise <directory of the tasks>", so that tasks outlive the server.
// It has one task at a time; when that has ended it can be given another.
//
// What keeps a task from running twice, or from going on unseen:
//
//   - The supervisor holds an exclusive lock on the task's journal for as long as
//     it has the task. A second one finds it taken and leaves it alone.
//   - Before it starts anything it notes in the journal that it has the task. A
//     supervisor that died cannot have a successor that starts again.
//   - It takes up orphans of its commands (Linux: child subreaper) and kills what
//     is left when a command ends, daemons included, as the end of a container would.
//   - Its commands die with it (Linux: parent death signal). What still escapes is
//     found by the variable PACKHORSE_TASK, which all of them inherit.
//
// Other systems than Linux have no subreaper, no parent death signal and no
// environment to look into: there, the process group of each command is killed,
// and a daemon that left its group goes on.
//
// What a start costs is mostly the initialisation of all packages in the binary. This package therefore runs
// from its own init function, and imports only packages that Go initialises early:
// the language specification orders packages by import path among those whose
// imports are ready, so what needs no math/big, net, os/signal, path/filepath or
// regexp comes before the big libraries. A test holds the list of imports.
package supervisor
