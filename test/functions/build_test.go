package functions

import (
	"os"
	"sync"
	"testing"

	"github.com/packhorse-batch/packhorse/localstack/stage"
)

// built is the directory of the functions' binaries, made once for a run of the tests.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func binaries(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "packhorse-functions-"); built.err == nil {
			built.err = stage.Build(t.Context(), "../..", built.dir, stage.Names...)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}
