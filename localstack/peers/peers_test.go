package peers_test

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/localstack/peers"
)

var each = map[string]func(testing.TB) string{
	"DynamoDB Local": peers.DynamoDBLocal,
	"moto":           peers.Moto,
	"LocalStack":     peers.LocalStack,
}

func TestAnswersAtTheSameAddressForAllTestsOfABinary(t *testing.T) {
	for name, start := range each {
		t.Run(name, func(t *testing.T) {
			endpoint := start(t)
			resp, err := http.Get(endpoint)
			if err != nil {
				t.Fatalf("GET %s = %v, want an answer", endpoint, err)
			}
			resp.Body.Close()
			if again := start(t); again != endpoint {
				t.Errorf("asked twice: %s, then %s, want one program", endpoint, again)
			}
		})
	}
}

// holdEnv makes the test binary start a peer, print its address and wait to be killed.
const holdEnv = "PACKHORSE_TEST_HOLD_PEER"

func TestHold(t *testing.T) {
	start, ok := each[os.Getenv(holdEnv)]
	if !ok {
		t.Skip("only the other tests call this")
	}
	os.Stdout.WriteString(start(t) + "\n")
	select {}
}

func TestEndsWithATestBinaryThatIsKilled(t *testing.T) {
	for name, start := range each {
		t.Run(name, func(t *testing.T) {
			start(t) // skips where there is none
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			holder := exec.CommandContext(t.Context(), self, "-test.run=^TestHold$")
			holder.Env = append(os.Environ(), holdEnv+"="+name)
			out, err := holder.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := holder.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			lines.Scan()
			endpoint := lines.Text()
			if resp, err := http.Get(endpoint); err != nil {
				t.Errorf("while the binary lives: %v, want an answer", err)
			} else {
				resp.Body.Close()
			}
			holder.Process.Kill()
			holder.Wait()
			// The kernel tells a shell, which kills: there is nothing to wait for but the end.
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				resp, err := http.Get(endpoint)
				if err != nil {
					return
				}
				resp.Body.Close()
				if time.Now().After(deadline) {
					t.Fatalf("%s at %s answers 20 s after its test binary was killed", name, endpoint)
				}
			}
		})
	}
}
