// Package peers holds the tests of packhorse serve --home aws: the built binary as a
// process, its records in DynamoDB Local, its hosts and tasks in moto, both called by it
// through the real SDK over HTTP, and a client that is the real SDK of AWS Batch.
//
// moto boots nothing and runs nothing. So the test does what an instance's ECS agent
// would do, registering it with its cluster, and believes of a job only what moto can
// show: which instance was launched and ended, which task was asked for and stopped.
// What was asked word for word is seen by a proxy between the server and moto.
package peers
