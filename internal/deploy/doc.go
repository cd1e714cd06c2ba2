// Package deploy makes, watches and removes deployments of Packhorse in an AWS account.
//
// A deployment is a CloudFormation stack (package infra has its template) and what a
// stack cannot hold:
//
//   - the zipped functions, in the bucket packhorse-artifacts-ACCOUNT-REGION, which all
//     deployments of an account and region share, each under its own prefix;
//   - the log group of jobs, /aws/batch/job, which they share with each other and with
//     AWS Batch itself, so that it may be there already;
//   - access keys of callers, as SecureStrings of the parameter store;
//   - what the functions made while they worked: instances, launch templates, clusters,
//     task definitions, all of which carry the deployment's tag.
//
// Everything can be said twice. [Account.Deploy] makes what is missing and changes what
// is different; it goes on where a former one broke off. [Account.Destroy] removes what
// it finds, and at the end looks whether anything is left.
//
// The name of a deployment is the name of its stack.
package deploy
