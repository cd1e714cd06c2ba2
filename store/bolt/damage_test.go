package bolt_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/bolt"
)

const sampleItems = 400

func sample(n int) store.Item {
	return store.Item{
		Key:     store.Key{Partition: fmt.Sprintf("job#%03d", n), Sort: "state"},
		Version: 1,
		Data:    fmt.Appendf(nil, "%d%s", n, strings.Repeat("data", 50)),
		Entries: []store.Entry{{Ordering: "queue", Partition: "q", Sort: fmt.Sprintf("%03d", n)}},
	}
}

// sampleFile is the bytes of a closed table of many pages, some of them free.
func sampleFile(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.db")
	table, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < sampleItems; from += 50 {
		var ops []store.Op
		for n := from; n < from+50; n++ {
			ops = append(ops, store.Put(sample(n), store.IfAbsent()))
		}
		if err := table.Write(t.Context(), ops...); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func random(n int) []byte {
	b := make([]byte, n)
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "packhorse.db")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantDamaged(t *testing.T, path string, err error) {
	t.Helper()
	if !errors.Is(err, bolt.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
		return
	}
	for _, part := range []string{path, "put a backup in its place"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not say %q", err, part)
		}
	}
}

func TestOpenRefusesADamagedFile(t *testing.T) {
	whole := sampleFile(t)
	page := os.Getpagesize()
	overwritten := func(at int, with []byte) []byte {
		b := bytes.Clone(whole)
		copy(b[at:], with)
		return b
	}
	tests := map[string][]byte{
		"of one byte":                   whole[:1],
		"of a hundred bytes":            whole[:100],
		"of one page":                   whole[:page],
		"of the two headers":            whole[:2*page],
		"cut in half":                   whole[:len(whole)/2],
		"cut within a page":             whole[:len(whole)/2+100],
		"of zeros":                      make([]byte, len(whole)),
		"of garbage":                    random(1 << 16),
		"of little garbage":             random(50),
		"of text":                       []byte(strings.Repeat("this is a letter and not a table\n", 1000)),
		"with both headers zeroed":      overwritten(0, make([]byte, 2*page)),
		"with the first header zeroed":  overwritten(0, make([]byte, page)),
		"with the second header zeroed": overwritten(page, make([]byte, page)),
		"with a bit of a header turned": overwritten(60, []byte{^whole[60]}),
		"with garbage for headers":      overwritten(0, random(2*page)),
		"with garbage behind":           overwritten(2*page, random(len(whole)-2*page)),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, data)
			_, err := bolt.Open(path, bolt.Options{})
			wantDamaged(t, path, err)
			after, _ := os.ReadFile(path)
			if !bytes.Equal(after, data) {
				t.Error("Open changed the damaged file")
			}
		})
	}
}

// TestNoDamagedPageGivesWrongItems overwrites each page in turn. Open may refuse
// the file, or a call may find the damage; what is answered without an error must
// be right, and the process must live.
func TestNoDamagedPageGivesWrongItems(t *testing.T) {
	whole := sampleFile(t)
	page := os.Getpagesize()
	damages := map[string]func(p []byte){
		"zeros":                   func(p []byte) { clear(p) },
		"garbage":                 func(p []byte) { copy(p, random(page)) },
		"a header":                func(p []byte) { copy(p, whole[:page]) },
		"a leaf":                  func(p []byte) { copy(p, whole[3*page:4*page]) },
		"a lower half of zeros":   func(p []byte) { clear(p[page/2:]) },
		"a lower half of garbage": func(p []byte) { copy(p[page/2:], random(page/2)) },
	}
	opens := map[string]func(path string) (*bolt.Table, error){
		"examined":   func(path string) (*bolt.Table, error) { return bolt.Open(path, bolt.Options{}) },
		"unexamined": bolt.OpenUnexamined,
	}
	found := 0
	for how, open := range opens {
		for what, damage := range damages {
			for n := 2; (n+1)*page <= len(whole); n++ {
				data := bytes.Clone(whole)
				damage(data[n*page : (n+1)*page])
				path := writeFile(t, data)
				table, err := open(path)
				if err != nil {
					wantDamaged(t, path, err)
					found++
					continue
				}
				if readSample(t, fmt.Sprintf("%s, page %d overwritten with %s", how, n, what), path, table) {
					found++
				}
				if err := table.Close(); err != nil {
					t.Errorf("Close = %v", err)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no damage was found")
	}
}

// readSample reads everything, then writes, and reports whether damage was found.
func readSample(t *testing.T, name, path string, table *bolt.Table) (found bool) {
	t.Helper()
	check := func(err error, got store.Item, n int) {
		t.Helper()
		switch {
		case errors.Is(err, bolt.ErrDamaged):
			found = true
		case errors.Is(err, store.ErrNotFound) && found:
			// A key may hide behind the damage.
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !bytes.Equal(got.Data, sample(n).Data):
			t.Errorf("%s: item %d has other data", name, n)
		}
	}
	for _, ordering := range []string{"", "queue"} {
		if ordering == "" {
			for n := range sampleItems {
				it, err := table.Get(t.Context(), sample(n).Key)
				check(err, it, n)
			}
			continue
		}
		page, err := table.Query(t.Context(), store.Query{Ordering: ordering, Partition: "q", Limit: store.MaxPage})
		if err == nil && len(page.Items) != sampleItems && !found {
			t.Errorf("%s: the ordering shows %d items, want %d", name, len(page.Items), sampleItems)
		}
		if errors.Is(err, bolt.ErrDamaged) {
			found = true
		} else if err != nil {
			t.Errorf("%s: Query = %v", name, err)
		}
	}
	for n := range 3 {
		err := table.Write(t.Context(), store.Put(sample(n*199), store.IfVersion(1)))
		if errors.Is(err, bolt.ErrDamaged) {
			found = true
		} else if err != nil && !(found && errors.Is(err, store.ErrConflict)) {
			t.Errorf("%s: Write = %v", name, err)
		}
	}
	return found
}

func TestFileThatIsCutOffWhileOpenIsAnError(t *testing.T) {
	for _, pages := range []int{0, 1, 2, 4} {
		for _, writeFirst := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d pages are left, first a write: %t", pages, writeFirst), func(t *testing.T) {
				path := writeFile(t, sampleFile(t))
				table := openAt(t, path)
				if err := os.Truncate(path, int64(pages*os.Getpagesize())); err != nil {
					t.Fatal(err)
				}
				write := func() {
					t.Helper()
					wantDamaged(t, path, table.Write(t.Context(), store.Put(sample(200), store.IfVersion(1))))
				}
				if writeFirst {
					write()
				}
				_, err := table.Get(t.Context(), sample(200).Key)
				wantDamaged(t, path, err)
				_, err = table.Query(t.Context(), store.Query{Ordering: "queue", Partition: "q", Limit: 10})
				wantDamaged(t, path, err)
				write()
				table.Close() // returns
			})
		}
	}
}

func TestOpenRefusesWhatIsNoTable(t *testing.T) {
	t.Run("a folder", func(t *testing.T) {
		dir := t.TempDir()
		_, err := bolt.Open(dir, bolt.Options{})
		wantText(t, err, dir, "it is a folder: name a file in it")
	})
	t.Run("a file in a folder that is not there", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "none")
		_, err := bolt.Open(filepath.Join(dir, "packhorse.db"), bolt.Options{})
		wantText(t, err, "make the folder "+dir+" first")
	})
	t.Run("a device", func(t *testing.T) {
		_, err := bolt.Open(os.DevNull, bolt.Options{})
		wantText(t, err, "not a regular file")
	})
	t.Run("the file of another program", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "other.db")
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("letters")); return err })
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
		_, err = bolt.Open(path, bolt.Options{})
		if !errors.Is(err, bolt.ErrFormat) {
			t.Errorf("Open = %v, want ErrFormat", err)
		}
		wantText(t, err, path, `"letters"`, "choose another file")
	})
	t.Run("a file of a later format", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "packhorse.db")
		table := openAt(t, path)
		if err := table.SetFormat("2"); err != nil {
			t.Fatal(err)
		}
		table.Close()
		_, err := bolt.Open(path, bolt.Options{})
		if !errors.Is(err, bolt.ErrFormat) {
			t.Errorf("Open = %v, want ErrFormat", err)
		}
		wantText(t, err, path, `format "2"`, "use the version of Packhorse that wrote it")
	})
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one that says %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not say %q", err, part)
		}
	}
}

func TestOpenTakesAnEmptyFileForANewOne(t *testing.T) {
	path := writeFile(t, nil)
	table := openAt(t, path)
	if err := table.Write(t.Context(), store.Put(sample(1), store.IfAbsent())); err != nil {
		t.Error(err)
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
