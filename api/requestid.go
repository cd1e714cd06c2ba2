package api

import (
	"encoding/hex"
	"math/rand/v2"
)

// newRequestID returns a random UUID: it names one request in the answer and in
// the log, and guards nothing, so it need not be hard to guess.
func newRequestID() string {
	var id [16]byte
	for i := 0; i < len(id); i += 8 {
		for j, n := 0, rand.Uint64(); j < 8; j, n = j+1, n>>8 {
			id[i+j] = byte(n)
		}
	}
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // RFC 9562
	var text [36]byte
	hex.Encode(text[:], id[:4])
	text[8] = '-'
	hex.Encode(text[9:], id[4:6])
	text[13] = '-'
	hex.Encode(text[14:], id[6:8])
	text[18] = '-'
	hex.Encode(text[19:], id[8:10])
	text[23] = '-'
	hex.Encode(text[24:], id[10:])
	return string(text[:])
}
