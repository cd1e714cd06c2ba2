//go:build unix

package laptop

import (
	"flag"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/test/program"
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
	program.Main(m, map[*string]string{&packhorse: "../../cmd/packhorse", &worker: "./worker"})
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
