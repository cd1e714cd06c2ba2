// Package runner runs built Lambda functions on this machine, as AWS Lambda would: it
// speaks the Lambda Runtime API to them, starts one more process when all are busy, and
// brings them events: from a DynamoDB stream, from HTTP as a function URL would, on a
// schedule. So what is tested is the binary that is shipped.
//
// It imitates what functions can rely on, not what they must not: events come at least
// once, a stream's records in order for each key, a batch that failed again from its first
// failure on. It has no sandbox, no memory limit and no IAM.
//
// Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes",
// "Using AWS Lambda with Amazon DynamoDB", "Invoking Lambda function URLs".
package runner
