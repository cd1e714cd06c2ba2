package demo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTallyCounts(t *testing.T) {
	tests := map[string]struct {
		text  string
		want  map[string]int
		lines int
	}{
		"identifiers, predeclared ones among them, and no keywords": {
			text:  "package p\n\nfunc f(s string) error { return g(s) }\n",
			want:  map[string]int{"p": 1, "f": 1, "s": 2, "string": 1, "error": 1, "g": 1},
			lines: 3,
		},
		"nothing in comments and literals": {
			text:  "package p // of all\nconst c = \"in a text\" + `and\nanother`\n",
			want:  map[string]int{"p": 1, "c": 1},
			lines: 3,
		},
		"both sides of a mistake": {
			text:  "before $ after",
			want:  map[string]int{"before": 1, "after": 1},
			lines: 1,
		},
		"letters of any script": {
			text:  "日本 := 世界",
			want:  map[string]int{"日本": 1, "世界": 1},
			lines: 1,
		},
		"nothing in an empty file": {want: map[string]int{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var tally Tally
			tally.add("x.go", []byte(test.text))
			got, all := map[string]int{}, 0
			for identifier, u := range tally.Uses {
				got[identifier] = u.Times
				all += u.Times
				if u.Files != 1 {
					t.Errorf("%s is in %d files, want 1", identifier, u.Files)
				}
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("identifiers of %q (-want +got):\n%s", test.text, d)
			}
			if tally.Lines != test.lines || tally.Files != 1 || tally.Bytes != len(test.text) || tally.Identifiers != all {
				t.Errorf("%q: %d lines, %d files, %d bytes, %d identifiers; want %d, 1, %d, %d",
					test.text, tally.Lines, tally.Files, tally.Bytes, tally.Identifiers, test.lines, len(test.text), all)
			}
		})
	}
}

func TestTopIsByUsesThenByName(t *testing.T) {
	tally := Tally{Uses: map[string]Uses{"b": {Times: 2}, "a": {Times: 2}, "rare": {Times: 1}, "often": {Times: 9}}}
	var got []string
	for _, use := range tally.top(3) {
		got = append(got, use.Identifier)
	}
	if want := []string{"often", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("top 3 = %v, want %v", got, want)
	}
	if n := len(tally.top(100)); n != 4 {
		t.Errorf("top 100 of 4 has %d", n)
	}
}

// tree is a source tree of n files, and things that are none.
func tree(n int) fstest.MapFS {
	files := fstest.MapFS{
		"README.md":        {Data: []byte("no Go")},
		"odd/dir.go/x.txt": {Data: []byte("a folder may be named so")},
	}
	for i := range n {
		files[fmt.Sprintf("p%d/f%d.go", i%7, i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "package p\nvar v%d, shared int\n", i)}
	}
	return files
}

func TestEachFileIsInOneShard(t *testing.T) {
	const files = 100
	for _, shards := range []int{1, 2, 8, 200} {
		var all []string
		for shard := range shards {
			part, err := goFiles(tree(files), shard, shards)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, part...)
		}
		slices.Sort(all)
		if n := len(slices.Compact(slices.Clone(all))); len(all) != files || n != files {
			t.Errorf("%d shards have %d files, %d different; want %d", shards, len(all), n, files)
		}
	}
}

func TestTheShardOfAFileNeverChanges(t *testing.T) {
	// Written down: a child that is tried again must find the files of its first attempt.
	want := map[string]int{"src/fmt/print.go": 3, "src/net/http/server.go": 0, "test/helloworld.go": 2}
	for name := range want {
		if got := shardOf(name, 8); got != want[name] {
			t.Errorf("shardOf(%q, 8) = %d, want %d", name, got, want[name])
		}
	}
}

// scene is a source tree on disk and a folder for results.
type scene struct {
	*testing.T
	source  string
	results Results
	now     time.Time
}

func newScene(t *testing.T, files int) *scene {
	s := &scene{T: t, source: t.TempDir(), results: Results{Folder: t.TempDir(), Run: "run-1"}}
	s.now = time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	if err := os.CopyFS(s.source, tree(files)); err != nil {
		t.Fatal(err)
	}
	return s
}

// count counts a shard; each takes a second.
func (s *scene) count(shard, shards int) error {
	return Count{Source: s.source, Results: s.results, Shard: shard, Shards: shards, Now: func() time.Time {
		s.now = s.now.Add(time.Second)
		return s.now
	}}.Run(s.Context(), io.Discard)
}

func (s *scene) merge(shards int) (string, error) {
	var out bytes.Buffer
	err := Merge{Results: s.results, Shards: shards, Label: "the tree"}.Run(&out)
	return out.String(), err
}

func (s *scene) files() (names []string) {
	entries, err := os.ReadDir(s.results.Folder)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestCountsOfShardsAddUp(t *testing.T) {
	s := newScene(t, 40)
	for shard := range 3 {
		if err := s.count(shard, 3); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.merge(3)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"The 20 most used identifiers in the tree:\n",
		" 1  int            40  25.0 %        40  ########################\n",
		" 2  p              40  25.0 %        40  ########################\n",
		" 3  shared         40  25.0 %        40  ########################\n",
		" 4  v0              1   0.6 %         1  #\n",
		"\n40 files, 80 lines, 160 identifiers (43 different), 1.2 kB.\n",
		"\nCounted in 5.0 s by 3 jobs, which worked 3.0 s together.\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the report:\n%s", want, got)
		}
	}
	if left := s.files(); !slices.Equal(left, []string{"run-1-report.json"}) {
		t.Errorf("files left: %v, want the report alone", left)
	}
}

func TestTasksMayRunTwice(t *testing.T) {
	s := newScene(t, 10)
	for range 2 {
		if err := s.count(0, 1); err != nil {
			t.Fatal(err)
		}
	}
	if left := s.files(); !slices.Equal(left, []string{"run-1-count-0-of-1.json"}) {
		t.Errorf("files after two counts: %v", left)
	}
	first, err := s.merge(1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.merge(1)
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("the second merge says\n%s\nthe first said\n%s", second, first)
	}
}

func TestMergeNamesTheShardThatIsMissing(t *testing.T) {
	s := newScene(t, 10)
	if err := s.count(0, 2); err != nil {
		t.Fatal(err)
	}
	_, err := s.merge(2)
	if want := "run-1-count-1-of-2.json: shard 1 was not counted"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("merge = %v, want an error with %q", err, want)
	}
	if left := s.files(); len(left) != 1 {
		t.Errorf("files left: %v, want the counts of shard 0", left)
	}
}

func TestATreeWithoutGoFilesIsNoFailure(t *testing.T) {
	s := newScene(t, 0)
	if err := s.count(0, 1); err != nil {
		t.Fatal(err)
	}
	got, err := s.merge(1)
	if want := "There are no Go files in the tree"; err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("merge = %q, %v; want %q", got, err, want)
	}
}

func TestTasksRefuseWhatMakesNoSense(t *testing.T) {
	valid := Count{Source: BuiltIn, Results: Results{Folder: t.TempDir(), Run: "r"}, Shards: 2, Now: time.Now}
	tests := map[string]struct {
		change func(*Count)
		want   string
	}{
		"a shard beyond the last": {func(c *Count) { c.Shard = 2 }, "shard 2 of 2 is none"},
		"no shards":               {func(c *Count) { c.Shards = 0 }, "shard 0 of 0 is none"},
		"a run outside":           {func(c *Count) { c.Results.Run = "../x" }, `--run "../x" is not the name of a run`},
		"no folder":               {func(c *Count) { c.Results.Folder = "" }, "--results names no folder"},
		"no source tree":          {func(c *Count) { c.Source = "/does/not/exist" }, "the source tree /does/not/exist cannot be read"},
		"a file as a source tree": {func(c *Count) { c.Source = os.Args[0] }, "is not a folder"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := valid
			test.change(&c)
			if err := c.Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("count = %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestTheBuiltInTreeHasThisPackage(t *testing.T) {
	source, err := Source(BuiltIn)
	if err != nil {
		t.Fatal(err)
	}
	files, err := goFiles(source, 0, 1)
	onDisk, globErr := filepath.Glob("*.go")
	if err != nil || globErr != nil || len(files) != len(onDisk) {
		t.Errorf("built-in files = %v, %v; want %v, %v", files, err, onDisk, globErr)
	}
}

func TestFlakyFailsOnce(t *testing.T) {
	var temporary *TemporaryError
	if err := Flaky(1, io.Discard); !errors.As(err, &temporary) {
		t.Errorf("first attempt = %v, want a TemporaryError", err)
	}
	if err := Flaky(2, io.Discard); err != nil {
		t.Errorf("second attempt = %v", err)
	}
	if err := Flaky(0, io.Discard); err == nil || errors.As(err, &temporary) {
		t.Errorf("outside a job = %v, want another error", err)
	}
}
