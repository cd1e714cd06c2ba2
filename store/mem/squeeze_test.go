package mem

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/store"
)

// state is data as jobs have it.
func state(n int) []byte {
	return fmt.Appendf(nil, `{"id":"0191a8c2-%04x-7abc-8def-%012x","name":"align-%d","queue":"default","status":"RUNNABLE","created":17%08d,"retries":%d,"vcpus":%d,"memoryMiB":%d,"image":"public.ecr.aws/docker/library/busybox:latest","command":["sh","-c","echo %d"]}`,
		n%65536, n*7919, n, n*13, n%4, n%8+1, 512*(n%16+1), n)
}

func TestSqueezedDataComesBack(t *testing.T) {
	var s squeezer
	check := func(fail func(string, ...any), head, data []byte) {
		b := bytes.Clone(s.pack(bytes.Clone(head), data))
		if !bytes.HasPrefix(b, head) {
			fail("pack(%q, %q) lost the head", head, data)
		}
		if got := s.unpack(b, len(head)); !bytes.Equal(got, data) {
			fail("unpack gives %q, want %q", got, data)
		}
	}
	for n := range 3 * lookEvery {
		check(t.Fatalf, fmt.Appendf(nil, "job#%d", n), state(n))
	}
	if len(s.dicts) != 1 {
		t.Errorf("%d dictionaries for data of one kind, want 1", len(s.dicts))
	}
	pieces := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, 300),
		rapid.Map(rapid.IntRange(0, 1e6), state),
		rapid.Map(rapid.StringMatching(`[ab]{0,40}`), func(s string) []byte { return []byte(s) }),
		rapid.Map(rapid.IntRange(0, 20000), func(n int) []byte { return bytes.Repeat([]byte("x"), n) }),
	)
	rapid.Check(t, func(rt *rapid.T) {
		data := bytes.Join(rapid.SliceOfN(pieces, 0, 4).Draw(rt, "data"), nil)
		check(rt.Fatalf, rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "head"), data)
	})
}

func TestSqueezerLearnsWhatTheDataBecomes(t *testing.T) {
	var s squeezer
	for n := range 1000 { // at first other records than later
		s.pack(nil, fmt.Appendf(nil, "<environment number='%d'><type>MANAGED</type><state>ENABLED</state></environment>", n))
	}
	in, out := 0, 0
	for n := range 3 * lookEvery {
		data := state(n)
		if packed := s.pack(nil, data); n >= 2*lookEvery {
			in, out = in+len(data), out+len(packed)
		}
	}
	if len(s.dicts) < 2 || out > in/2 {
		t.Errorf("with %d dictionaries %d bytes became %d, want less than half", len(s.dicts), in, out)
	}
}

func TestSqueezerGivesUpOnNoise(t *testing.T) {
	var s squeezer
	noise := func(n int) []byte {
		b := make([]byte, 100)
		x := uint64(n) + 1
		for i := range b {
			x = x*6364136223846793005 + 1442695040888963407
			b[i] = byte(x >> 33)
		}
		return b
	}
	for n := range (maxDicts + 3) * lookEvery {
		data := noise(n)
		if packed := s.pack(nil, data); len(packed) > len(data)+1 {
			t.Fatalf("%d bytes became %d", len(data), len(packed))
		}
	}
	if len(s.dicts) > maxDicts {
		t.Errorf("%d dictionaries, want at most %d", len(s.dicts), maxDicts)
	}
}

func BenchmarkSqueeze(b *testing.B) {
	var s squeezer
	data := make([][]byte, 1000)
	for n := range data {
		data[n] = state(n)
	}
	head := []byte(strings.Repeat("k", 100))
	in, out := 0, 0
	for n := 0; b.Loop(); n++ {
		d := data[n%len(data)]
		in, out = in+len(d), out+len(s.pack(head, d))-len(head)
	}
	b.ReportMetric(float64(out)/float64(in), "of-size")
}

func BenchmarkExpand(b *testing.B) {
	var s squeezer
	head := []byte(strings.Repeat("k", 100))
	var packed []byte
	for n := range 1000 {
		packed = s.pack(head, state(n))
	}
	packed = bytes.Clone(packed)
	for b.Loop() {
		s.unpack(packed, len(head))
	}
}

func TestRecordKeepsItsItem(t *testing.T) {
	it := store.Item{
		Key:     store.Key{Partition: "job#" + strings.Repeat("p", 300), Sort: "state"},
		Data:    state(1),
		Entries: []store.Entry{{Ordering: "a", Partition: "q", Sort: strings.Repeat("s", 1000)}},
	}
	r := pack(&it, 7, func(string) int { return 300 }, nil)
	got := r.item(func(n int) string { return map[int]string{300: "a"}[n] }, nil)
	if got.Key != it.Key || got.Version != 7 || !bytes.Equal(got.Data, it.Data) || len(got.Entries) != 1 || got.Entries[0] != it.Entries[0] {
		t.Errorf("unpacked %+v, want %+v at version 7", got, it)
	}
}
