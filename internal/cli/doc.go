// Package cli is the client side of the packhorse binary: the commands that ask a
// server for something.
//
// Every command speaks the AWS Batch wire with the AWS SDK, and CloudWatch Logs for
// what a job printed. Nothing here knows how Packhorse stores or schedules a job, so
// the same commands work against a Packhorse on this machine, one elsewhere, AWS
// itself, and a mock such as moto.
//
// # Where the server is
//
// The first of these that is set: --endpoint, PACKHORSE_ENDPOINT,
// AWS_ENDPOINT_URL_BATCH, http://127.0.0.1:4600. The word "aws" instead of an address
// means the AWS endpoint of the region. Credentials come from the usual places of the
// SDK when the environment or --profile names some; a server on the loopback address
// is otherwise greeted with fixed dummy ones, so nothing has to be set up for it.
//
// # What goes where
//
// Standard output carries the answer and nothing else: a table, JSON, an id, the log
// of a job. Progress, notes and errors go to standard error. Colours and lines that
// redraw themselves appear on a terminal only, and never when NO_COLOR is set.
//
// # Exit codes
//
//	0    it worked; for run and wait: every job SUCCEEDED
//	1    it did not, or a job failed without an exit code of its own
//	2    the command line or a file is wrong: nothing was asked of the server
//	130  run was interrupted and left the job to itself
//	n    run only: the exit code of the job's container
package cli
