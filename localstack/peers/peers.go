package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/packhorse-batch/packhorse/localstack/moto"
)

// howTo ends every reason to skip.
const howTo = "run localstack/install.sh, which puts it into ~/.cache/packhorse/peers or $PACKHORSE_PEERS"

// DynamoDBLocal returns the address of DynamoDB Local, like http://127.0.0.1:40123,
// and starts it first if no test of this binary did so before. It keeps its tables
// in memory, and the same ones for all credentials and regions.
func DynamoDBLocal(t testing.TB) (endpoint string) {
	t.Helper()
	return dynamoDBLocal.address(t)
}

// StartDynamoDBLocal is DynamoDBLocal for programs that are no tests. An error says
// what to install, or why it does not start.
func StartDynamoDBLocal() (endpoint string, err error) { return dynamoDBLocal.get() }

// Moto returns the address of moto, like http://127.0.0.1:40123, and starts it first
// if no test of this binary did so before.
func Moto(t testing.TB) (endpoint string) {
	t.Helper()
	return motoServer.address(t)
}

var (
	dynamoDBLocal = peer{name: "DynamoDB Local", command: dynamoDBLocalCommand}
	motoServer    = peer{name: "moto", command: motoCommand}
)

// dynamoDBLocalCommand is DynamoDB Local on a port, or an error that says what is
// missing.
func dynamoDBLocalCommand(port int) (*exec.Cmd, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("there is no java (%w): install one, then %s", err, howTo)
	}
	// Of several versions the last counts.
	jars, err := filepath.Glob(filepath.Join(home(), "dynamodb-local-*", "lib", "DynamoDBLocal-*.jar"))
	if err != nil || len(jars) == 0 {
		return nil, fmt.Errorf("it is not installed in %s: %s", home(), howTo)
	}
	slices.Sort(jars)
	folder := filepath.Dir(jars[len(jars)-1])
	cmd := exec.Command(java,
		"-Xmx512m",                    // a test's tables are small, and several test binaries run at once
		"-Djava.library.path="+folder, // SQLite is beside the jars
		"-cp", filepath.Join(folder, "*"), "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-inMemory", "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port))
	cmd.Dir = folder
	return cmd, nil
}

// motoCommand is moto on a port, or an error that says what is missing. The one that
// install.sh put apart comes before one on the PATH, which may be any version. It runs in
// the Python beside it, with our corrections.
func motoCommand(port int) (*exec.Cmd, error) {
	program := filepath.Join(home(), "moto", "bin", "moto_server")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("moto_server"); err != nil {
			return nil, fmt.Errorf("it is neither in %s nor on the PATH: %s", home(), howTo)
		}
	}
	python := filepath.Join(filepath.Dir(program), "python3")
	if _, err := os.Stat(python); err != nil {
		return nil, fmt.Errorf("there is no python3 beside %s: %s", program, howTo)
	}
	return exec.Command(python, "-c", moto.Server, "-H", "127.0.0.1", "-p", strconv.Itoa(port)), nil
}

// home is where install.sh puts the programs.
func home() string {
	if dir := os.Getenv("PACKHORSE_PEERS"); dir != "" {
		return dir
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return filepath.Join(os.TempDir(), "packhorse", "peers")
		}
		cache = filepath.Join(user, ".cache")
	}
	return filepath.Join(cache, "packhorse", "peers")
}
