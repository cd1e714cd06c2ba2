package functions

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/packhorse-batch/packhorse/localstack/stage"
)

// maxZip is what a function's archive may have at most, in bytes: what is larger starts
// slower.
const maxZip = 20 << 20

func TestFunctionsAreSmall(t *testing.T) {
	dir := binaries(t)
	for _, name := range stage.Names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var archive bytes.Buffer
		w := zip.NewWriter(&archive)
		f, err := w.Create("bootstrap")
		if err == nil {
			_, err = f.Write(content)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if archive.Len() >= maxZip {
			t.Errorf("function %s is %d bytes zipped, want less than %d", name, archive.Len(), maxZip)
		}
		t.Logf("%s: %.1f MB zipped", name, float64(archive.Len())/1e6)
	}
}
