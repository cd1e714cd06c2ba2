package fakeaws

import (
	"encoding/hex"
	"hash/fnv"
	"math/rand/v2"
	"strconv"

	"github.com/google/uuid"
)

// stream returns the random numbers of a purpose ("boot-time") and a subject (an
// instance's id). Each purpose has its own, so one more draw for one does not change
// the rest of a run.
func (c *Cloud) stream(purpose, subject string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(purpose + "\x00" + subject)) // a hash takes everything
	return rand.New(rand.NewPCG(c.o.Seed, h.Sum64()))
}

// chance reports whether something of the given probability happens to a subject.
func (c *Cloud) chance(probability float64, purpose, subject string) bool {
	return probability > 0 && c.stream(purpose, subject).Float64() < probability
}

// digits returns so many hex digits for the next thing of a kind, never the same twice.
// With mu held.
func (c *Cloud) digits(kind string, n int) string {
	c.made[kind]++
	r := c.stream(kind, strconv.Itoa(c.made[kind]))
	b := make([]byte, (n+1)/2)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b)[:n]
}

// uuid returns the UUID of the next thing of a kind. With mu held.
func (c *Cloud) uuid(kind string) string {
	b, _ := hex.DecodeString(c.digits(kind, 32)) // 32 hex digits always decode
	id := uuid.UUID(b)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4
	return id.String()
}
