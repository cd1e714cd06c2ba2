package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// LocalStack returns the address of LocalStack, like http://127.0.0.1:40123, and starts
// it first if no test of this binary did so before. It is the community edition, without
// Docker: it has S3 with its notifications, SQS, SNS, EventBridge, SSM, EC2, IAM and
// CloudFormation, and it has no ECS; its DynamoDB is turned off, since it would fetch
// the DynamoDB Local that is another peer.
func LocalStack(t testing.TB) (endpoint string) {
	t.Helper()
	return localStack.address(t)
}

var localStack = peer{name: "LocalStack", command: localStackCommand}

// localStackCommand is LocalStack on a port, or an error that says what is missing.
func localStackCommand(port int) (*exec.Cmd, error) {
	root := filepath.Join(home(), "localstack")
	// The last thing that install.sh writes.
	if _, err := os.Stat(filepath.Join(root, "installed")); err != nil {
		return nil, fmt.Errorf("it is not installed in %s: %s", root, howTo)
	}
	cmd := exec.Command(filepath.Join(root, "bin", "python"), "-m", "localstack.runtime.main")
	cmd.Env = append(os.Environ(), localStackEnv(root, port)...)
	cmd.Dir = root
	return cmd, nil
}

// localStackEnv is what keeps LocalStack on this machine: up.sh says the same.
func localStackEnv(root string, port int) []string {
	return []string{
		"GATEWAY_LISTEN=127.0.0.1:" + strconv.Itoa(port),
		"SERVICES=" + localStackServices, "STRICT_SERVICE_LOADING=1",
		"DNS_ADDRESS=0",              // no name server of its own on port 53
		"DISABLE_EVENTS=1",           // no telemetry
		"SKIP_SSL_CERT_DOWNLOAD=1",   // no certificate from the internet: HTTP will do
		"SQS_ENDPOINT_STRATEGY=path", // addresses of queues without names that DNS must know
		// Several test binaries run at once, each with a folder of its own.
		"FILESYSTEM_ROOT=" + filepath.Join(os.TempDir(), "packhorse-localstack-"+strconv.Itoa(port)),
		// Its list of plugins, which takes a second to find, is kept beside it.
		"XDG_CACHE_HOME=" + filepath.Join(root, "cache"),
		"LOCALSTACK_AUTH_TOKEN=", "DEBUG=0",
	}
}

// localStackServices are those that install.sh installs the modules of.
const localStackServices = "s3,sqs,sns,events,ssm,ec2,iam,sts,cloudformation,lambda,logs,kms"
