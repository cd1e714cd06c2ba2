// Package play runs the demo as any client would, through the AWS Batch wire and the
// AWS SDK, and shows it to its end: on a terminal as a few lines that redraw
// themselves, elsewhere as a line for each change.
//
// What the demo is made of is prepared on the server's machine by package stage; play
// finds it as job definitions.
package play
