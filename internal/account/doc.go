// Package account wires Packhorse for an AWS account: records in DynamoDB, keys of
// callers in the parameter store. Package fleet beside it adds EC2 and ECS, for those who
// start hosts and tasks; functions that only answer need not link their large clients.
package account
