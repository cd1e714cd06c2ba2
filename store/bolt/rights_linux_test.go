package bolt_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packhorse-batch/packhorse/store/bolt"
)

func TestOpenNeedsTheRightToWrite(t *testing.T) {
	t.Run("a file in an unwritable folder", func(t *testing.T) {
		dir := t.TempDir()
		asNobody(t, func() {
			_, err := bolt.Open(filepath.Join(dir, "packhorse.db"), bolt.Options{})
			wantText(t, err, dir, "give this user the right to write it and its folder")
		})
	})
	t.Run("a file that may only be read", func(t *testing.T) {
		path := writeFile(t, sampleFile(t))
		// The folders of a test are private: open the way to the file.
		for dir := filepath.Dir(path); dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(path, 0o444); err != nil {
			t.Fatal(err)
		}
		asNobody(t, func() {
			_, err := bolt.Open(path, bolt.Options{})
			wantText(t, err, path, "give this user the right to write it")
		})
	})
}

// asNobody runs do without the rights of root over files.
func asNobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can take the part of another user")
	}
	const nobody = 65534
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		if err := unix.Setfsuid(nobody); err != nil {
			t.Error(err)
			return
		}
		do()
	}()
	<-done
}
