// Package stage makes what the demo needs on the server's machine: a source tree to
// count, a folder for results, an image with this program in it where jobs run in
// containers, and the job definitions that name these.
//
// Prepare does all of it when a server starts, and only what is missing: the image is
// made anew for another program, and definitions are registered anew when they say
// something else than the ones that are there.
package stage
