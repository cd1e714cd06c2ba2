// Package logfile is the file of one log stream: how it is named, how its lines
// look, and the writer that appends to it. Package logs reads what it writes.
//
// It is apart from logs for the sake of those who only write: a supervisor of a
// short job lives for milliseconds, and what this package imports is initialised
// before it gets to work. It imports neither regexp nor path/filepath nor net.
package logfile
