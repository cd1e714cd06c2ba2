// Package demo is the work that Packhorse shows itself with: it counts how often each
// identifier is used in the source tree of the Go toolchain.
//
// Three kinds of task do it, each a job of its own:
//
//	count   a child of an array job: counts the files of its shard, and leaves a file
//	        of counts in a folder that all tasks share
//	merge   adds the files of all shards up, and prints the most used identifiers
//	flaky   fails on its first attempt, so that its retry strategy has something to do
//
// The tasks know nothing of Packhorse but the environment variables that AWS Batch
// gives every job (AWS_BATCH_JOB_ARRAY_INDEX, AWS_BATCH_JOB_ATTEMPT). They may run
// twice, as any job may: a file of counts appears whole or not at all, and the second
// writer of one writes what the first did.
//
// Definitions says what the tasks are as job definitions. Package stage makes what
// these need on the server's machine; package play submits them and shows how they do.
package demo
