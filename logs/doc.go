// Package logs keeps the log streams of jobs on disk, and reads them the way
// CloudWatch Logs is read: groups, streams, events in order of time, tokens.
//
// A stream is one text file, one event a line, made to be read with cat, grep
// and tail as well as by this package:
//
//	<dir>/+aws+batch+job/sleeper+default+0123abcd.log
//
//	2026-01-02T03:04:05.678901234Z hello from the job
//	2026-01-02T03:04:05.700000000Z"a message\nwith a newline in it is quoted as in Go"
//
// The time stamp has a fixed width and is in UTC, so a file is sorted as text too,
// and it keeps nanoseconds, so that whoever copies a container's output can go on
// exactly where it stopped. Times never fall within a stream; a time is therefore
// found by bisection, without an index that a crash could leave wrong.
//
// One process writes a stream, any number read it. An event is written with one
// write call and counts once its newline is there. What a crash leaves behind the
// last newline was never an event: readers stop before it, and the next writer
// cuts it off. Nothing is flushed to the disk on purpose: lines survive the death
// of the process that wrote them, but the last seconds may not survive a power cut.
package logs
