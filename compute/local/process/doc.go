// Package process runs tasks on this machine as plain processes, for machines
// without Docker. Images are ignored: a command is found in PATH like any other.
//
// Each task is a directory, <Dir>/<task id>, and a process that supervises it
// (package supervisor): the same binary, started again as "packhorse supervise
// <Dir>" in a session of its own. The supervisor runs the commands, writes
// their output to the log streams and notes the end in the task's journal. It
// outlives the server. When its task has ended it is kept a few seconds for the next
// one, since a short command costs less than a supervisor's start. A server that starts finds the directories, dials the supervisors that
// live, reads how the others' tasks ended, and goes on.
//
// Server and supervisor speak over a unix socket: the supervisor tells each change,
// the server asks for the end, and when the connection breaks the supervisor is
// gone, or done with the task. Nothing is polled. The socket only carries news, though; what is true is in
// the directory:
//
//	the journal is locked   a supervisor lives
//	not started             nothing was ever run: Run starts it
//	an end                  it has ended, that way
//	started, no end, no lock
//	                        the supervisor died (kill -9, power cut): what is left
//	                        of the task is killed, then it is told as lost
//
// On Linux nothing of a task survives it. Elsewhere a daemon that leaves the
// process group of its command does; see package supervisor.
package process
