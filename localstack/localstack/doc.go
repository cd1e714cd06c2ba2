// Package localstack holds tests against LocalStack, of what it imitates better than
// moto: the notifications of S3 by all three ways, the keys of callers in the parameter
// store, the launch of instances. Its CloudFormation is tested beside the template's
// deployment, in package deploy. It has no ECS; where one is needed it is moto's.
//
// Each test is skipped where LocalStack is not installed; see package peers.
package localstack
