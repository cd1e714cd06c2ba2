//go:build unix

package laptop

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	seedFlag  = flag.Uint64("laptop.seed", 0, "seed of all chance; 0 takes one from the clock")
	killsFlag = flag.Int("laptop.kills", 0, "how often the kill loops kill; 0 is their own number")
)

// What TestMain builds.
var (
	packhorse string // the binary under test
	worker    string // what jobs run, linked statically
)

// seed is the seed of this run.
var seed uint64

func TestMain(m *testing.M) {
	flag.Parse()
	if seed = *seedFlag; seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "packhorse-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	packhorse, worker = filepath.Join(dir, "packhorse"), filepath.Join(dir, "worker")
	for output, source := range map[string]string{packhorse: "../../cmd/packhorse", worker: "./worker"} {
		build := exec.Command("go", "build", "-o", output, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := build.CombinedOutput(); err != nil {
			return 1, fmt.Errorf("go build %s: %w\n%s", source, err, text)
		}
	}
	return m.Run(), nil
}

// chance is a source of randomness for one purpose, so that one more draw for another
// does not change it.
func chance(t *testing.T, purpose string) *rand.Rand {
	t.Helper()
	t.Logf("seed %d (repeat with -laptop.seed)", seed)
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name() + "/" + purpose))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// kills is how often a kill loop kills.
func kills(usual int) int {
	switch {
	case *killsFlag > 0:
		return *killsFlag
	case testing.Short():
		return max(1, usual/5)
	}
	return usual
}
