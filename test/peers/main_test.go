package peers

import (
	"testing"

	"github.com/packhorse-batch/packhorse/test/program"
)

// packhorse is the binary under test.
var packhorse string

func TestMain(m *testing.M) { program.Main(m, map[*string]string{&packhorse: "../../cmd/packhorse"}) }
