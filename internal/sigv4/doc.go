// Package sigv4 verifies requests that were signed with AWS Signature Version 4,
// in the Authorization header or in the query (presigned).
//
// A signature is an HMAC over a canonical form of the request, with a key derived
// from the secret and the scope: date, region and service. SDKs choose the scope by
// the service that they think they talk to, whatever the address is, so region and
// service are taken as the client says; [Scope] tells them, and a door that serves
// several services tells them apart by it.
//
// What is signed: method, path (each segment percent-encoded twice, as everywhere
// but in S3), query, the headers named in SignedHeaders, and the SHA-256 of the
// body. [Verify] hashes the body itself; a client cannot opt out of it.
//
// Source: "AWS Signature Version 4 for API requests" in the IAM user guide; the
// texts of the errors are those of its troubleshooting page.
package sigv4
