// Package batchtest is a small AWS Batch in memory, for tests of programs that speak its
// wire: queues, environments, definitions, policies, jobs, and the logs of jobs.
//
// It keeps what it is told and answers as the service does, refusals included. Nothing
// happens in it by itself: a job stays in the status that it was given until the test
// changes it with Update. Environments and queues settle as on AWS, after a look: what
// was just made is CREATING in the first Describe, and VALID from then on.
package batchtest
