// Package api is the HTTP door: the AWS Batch API as every SDK and the AWS CLI
// speak it, and beside it, on the same port, the few calls of other AWS services
// that Batch clients make (logs, ecs, ec2, sts).
//
// A request goes through the same steps whatever it asks for:
//
//	read      the body, 1 MiB at most
//	tell      which service it is for: by the scope of its signature, or when it is
//	          not signed by its path, X-Amz-Target or form Action
//	let in    by the signature when there are access keys; without keys any
//	          credentials pass, and what a foreign web page sends does not
//	decode    into the SDK's own input struct (package internal/wire)
//	call      the Service, the Fleet or the Logs
//	answer    the SDK's output struct, or the error in the form of that protocol
//
// Region and service of the signature are taken as the client says them: SDKs sign
// for "batch" in their own region whatever the address is.
//
// The handler bounds what it reads; time is bounded by the http.Server around it.
// [Server] makes one with bounds that suit: a client that sends slowly is cut off
// after 30 seconds, one that reads slowly after a minute.
//
// Errors of the domain ([batch.Error]) are answered with AWS's code and text, the
// next step in a sentence behind it, so that clients which look for the text find
// it. Anything else is a ServerException with the id under which it was logged.
// Above debug level nothing is logged for a request that was served.
package api
