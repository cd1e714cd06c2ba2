// Package functions tests the built Lambda functions: real binaries behind the Lambda
// Runtime API, over DynamoDB Local and an imitated EC2 and ECS.
package functions
