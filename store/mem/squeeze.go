package mem

import (
	"bytes"
	"encoding/binary"
)

// Records of a kind are much alike: the same JSON names, queues and images again
// and again. So their data is kept as what differs from a dictionary, which is
// nothing but the data of some earlier items. A million jobs take half the memory
// for about a microsecond per write and less per read.
//
// The method is that of LZ4. The window is the dictionary, then the head of the
// record (its keys often return in its data), then the data itself. The data
// becomes a sequence of
//
//	literals   uvarint count, bytes
//	match      uvarint length - minMatch, 2 bytes position in the window
//
// that ends after literals.
const (
	minMatch  = 5
	dictBytes = 16 << 10
	// Shorter data has little to save, longer data would not fit the window's 64 KiB
	// of positions together with its head.
	leastSqueezed, mostSqueezed = 64, 16 << 10
	maxWindow                   = 1<<16 - 1

	hashBits = 12
)

// dict is a dictionary, and where in it each sequence of minMatch bytes was last.
type dict struct {
	bytes []byte
	index [1 << hashBits]uint16 // position + 1; 0 is none
}

func newDict(b []byte) *dict {
	d := &dict{bytes: b}
	for i := 0; i+8 <= len(b); i++ {
		d.index[hash(b[i:])] = uint16(i + 1)
	}
	return d
}

// hash is of the first minMatch bytes; b has at least 8.
func hash(b []byte) uint32 {
	v := binary.LittleEndian.Uint64(b) << (8 * (8 - minMatch))
	return uint32((v * 0x9E3779B185EBCA87) >> (64 - hashBits))
}

// squeeze appends to out what is left of data. It reports false if that saves less
// than an eighth. text is head and data, one after the other; data starts at start.
func (d *dict) squeeze(out, text []byte, start int) ([]byte, bool) {
	if len(d.bytes)+len(text) > maxWindow {
		return out, false
	}
	// own finds what repeats within head and data. Positions count from the start
	// of head; it is small, since it is cleared for each record.
	const ownBits = 9
	var own [1 << ownBits]uint16
	ownHash := func(b []byte) uint32 { return hash(b) >> (hashBits - ownBits) }

	for i := 0; i < start && i+8 <= len(text); i++ {
		own[ownHash(text[i:])] = uint16(i + 1)
	}
	most := len(out) + (len(text)-start)*7/8

	literal := start // first byte that is not written yet
	for i := start; i+8 <= len(text); {
		h := hash(text[i:])
		length, position := 0, 0
		if p := int(d.index[h]); p > 0 {
			length, position = common(d.bytes[p-1:], text[i:]), p-1
		}
		if p := int(own[h>>(hashBits-ownBits)]); p > 0 {
			if n := common(text[p-1:], text[i:]); n > length {
				length, position = n, len(d.bytes)+p-1
			}
		}
		own[h>>(hashBits-ownBits)] = uint16(i + 1)
		if length < minMatch {
			i++
			continue
		}
		out = binary.AppendUvarint(out, uint64(i-literal))
		out = append(out, text[literal:i]...)
		out = binary.AppendUvarint(out, uint64(length-minMatch))
		out = binary.LittleEndian.AppendUint16(out, uint16(position))
		if len(out) > most {
			return out, false
		}
		i += length
		literal = i
	}
	out = binary.AppendUvarint(out, uint64(len(text)-literal))
	out = append(out, text[literal:]...)
	return out, len(out) <= most
}

// common is how many bytes a and b begin with alike.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// expand returns the data that squeezed stands for, size bytes, behind head.
func (d *dict) expand(head, squeezed []byte, size int) []byte {
	data := make([]byte, 0, size)
	for {
		n, k := binary.Uvarint(squeezed)
		data = append(data, squeezed[k:k+int(n)]...)
		squeezed = squeezed[k+int(n):]
		if len(squeezed) == 0 {
			return data
		}
		m, k := binary.Uvarint(squeezed)
		length := int(m) + minMatch
		position := int(binary.LittleEndian.Uint16(squeezed[k:]))
		squeezed = squeezed[k+2:]
		inHead := position - len(d.bytes)
		inData := inHead - len(head)
		switch {
		case inHead < 0:
			data = append(data, d.bytes[position:position+length]...)
		case inHead+length <= len(head):
			data = append(data, head[inHead:inHead+length]...)
		case inData >= 0 && inData+length <= len(data):
			data = append(data, data[inData:inData+length]...)
		default: // it runs from head into data, or into itself
			for p := inHead; p < inHead+length; p++ {
				if p < len(head) {
					data = append(data, head[p])
				} else {
					data = append(data, data[p-len(head)])
				}
			}
		}
	}
}

// squeezer keeps the dictionaries of a table. It learns one from the first items,
// and another when the latest no longer serves.
type squeezer struct {
	dicts   []*dict
	lesson  []byte // the next dictionary, while it grows
	content bool   // with the latest dictionary: nothing to learn now
	items   int    // since the last look at what the latest saves
	in, out int    // their bytes without and with it

	record, text []byte // for pack to work in
}

const (
	maxDicts    = 16
	lookEvery   = 4096 // items
	rawDict     = 0    // number of no dictionary; the first has number 1
	worthOfDict = 0.7  // a dictionary serves while it leaves less than that
)

// pack appends data to the head of a record: the number of its dictionary, its
// size, and what differs. What it returns is good until the next call.
func (s *squeezer) pack(head, data []byte) []byte {
	raw := func() []byte { return append(append(head, rawDict), data...) }
	if s == nil || len(data) < leastSqueezed || len(data) > mostSqueezed {
		return raw()
	}
	s.learn(data)
	if len(s.dicts) == 0 {
		return raw()
	}
	s.record = append(append(s.record[:0], head...), byte(len(s.dicts)))
	s.record = binary.AppendUvarint(s.record, uint64(len(data)))
	before := len(s.record)
	s.text = append(append(s.text[:0], s.record...), data...)
	var ok bool
	s.record, ok = s.dicts[len(s.dicts)-1].squeeze(s.record, s.text, before)
	s.items++
	s.in += len(data)
	if !ok {
		s.out += len(data)
		return raw()
	}
	s.out += len(s.record) - before
	return s.record
}

// learn lets data become part of the next dictionary, if one is wanted.
func (s *squeezer) learn(data []byte) {
	if s.items >= lookEvery {
		s.content = float64(s.out) < worthOfDict*float64(s.in)
		s.items, s.in, s.out = 0, 0, 0
	}
	if s.content || len(s.dicts) >= maxDicts {
		return
	}
	s.lesson = append(s.lesson, data...)
	if len(s.lesson) >= dictBytes {
		s.dicts = append(s.dicts, newDict(bytes.Clone(s.lesson[:dictBytes])))
		s.lesson, s.content = nil, true
		s.items, s.in, s.out = 0, 0, 0
	}
}

// unpack returns the data at the end of a record, in memory of its own.
func (s *squeezer) unpack(record []byte, at int) []byte {
	number := record[at]
	rest := record[at+1:]
	if number == rawDict {
		return bytes.Clone(rest)
	}
	size, k := binary.Uvarint(rest)
	head := record[:at+1+k]
	return s.dicts[number-1].expand(head, rest[k:], int(size))
}
