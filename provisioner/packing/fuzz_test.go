package packing_test

import (
	"encoding/binary"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// amounts reads numbers of all sizes from bytes; without more bytes they are 0.
type amounts []byte

func (a *amounts) next() int64 {
	var raw [8]byte
	n := copy(raw[:], *a)
	*a = (*a)[n:]
	v := int64(binary.LittleEndian.Uint64(raw[:]))
	switch raw[0] % 4 { // mostly what jobs are like
	case 0:
		return v // anything, below 0 too
	case 1:
		return v & 0xf
	case 2:
		return v & 0xffff
	}
	return v & 0xfffffff
}

// FuzzPack packs anything: it never ends the program, and a plan keeps the rules.
func FuzzPack(f *testing.F) {
	f.Add([]byte{}, 1.0)
	f.Add([]byte("\x02\x01\x00\x00\x00\x00\x00\x00\x02\x10\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"), 0.1)
	f.Add([]byte("some jobs that nobody has thought of, and types for them that are as odd as they are"), -1.0)
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x7f"), 1e300)
	f.Fuzz(func(t *testing.T, data []byte, usd float64) {
		if len(data) > 2000 {
			return
		}
		in := packing.Input{Budget: packing.Budget{Work: 2_000_000}}
		left := amounts(data)
		types := int(left.next()&7) + 1
		for i := range types {
			in.Types = append(in.Types, packing.Type{
				Name: string(rune('a' + i)), Has: batch.Resources{MilliVCPU: left.next(), MemoryMiB: left.next(), GPUs: left.next() & 0xf},
				USDPerHour: usd * float64(i+1), Max: int(left.next() & 3),
			})
		}
		for len(left) > 0 {
			in.Groups = append(in.Groups, packing.Group{
				Need: batch.Resources{MilliVCPU: left.next(), MemoryMiB: left.next(), GPUs: left.next() & 0xf}, Count: int(left.next() & 0xffff),
			})
		}
		if len(left) > 0 && left[0]&1 == 1 {
			in.Limits.Hosts = 3
		}
		for name, plan := range map[string]packing.Plan{"Pack": packing.Pack(in), "FirstFit": packing.FirstFit(in)} {
			if usd > 1e12 || usd < -1e12 {
				continue // sums of such prices are not exact: it is enough that there is a plan
			}
			for _, v := range violations(in, plan) {
				t.Errorf("%s of %+v: %s", name, in, v)
			}
		}
	})
}
