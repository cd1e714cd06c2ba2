// Package peers starts the programs that tests run against instead of AWS:
// DynamoDB Local, Amazon's own imitation of DynamoDB; moto, an imitation of most of AWS;
// and LocalStack's last community release, another one, with better S3 notifications and
// CloudFormation, and without ECS.
//
//	func TestTable(t *testing.T) {
//		endpoint := peers.DynamoDBLocal(t) // http://127.0.0.1:40123
//
// A test binary starts each of them once, on a free port of the loopback interface,
// and it ends with the test binary, however that ends. All tests of a binary share
// it, so a test uses names (of tables, queues, clusters) of its own. Any credentials
// and any region pass.
//
// Where a program is not installed the test is skipped with a reason that says what
// to do: localstack/install.sh installs them, and `make test` calls it.
package peers
