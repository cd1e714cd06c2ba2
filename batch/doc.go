// Package batch is the domain: jobs and their attempts, queues, environments and
// definitions, and the rules that AWS Batch gives them.
//
// It holds values and pure functions only. Nothing here reads a clock, a store or
// a network, and nothing is imported but the standard library and the wire types
// of the AWS Batch SDK, which the domain keeps wherever the wire defines the
// shape (container properties, retry strategies, tags). Types of its own exist
// for what the engine must decide on: status, resources, placement, attempt.
package batch
