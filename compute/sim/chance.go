package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// Dist draws a duration.
type Dist func(r *rand.Rand) time.Duration

// Constant is always d.
func Constant(d time.Duration) Dist {
	return func(*rand.Rand) time.Duration { return d }
}

// Uniform is anything from low up to high, equally likely.
func Uniform(low, high time.Duration) Dist {
	return func(r *rand.Rand) time.Duration {
		if high <= low {
			return low
		}
		return low + time.Duration(r.Int64N(int64(high-low)))
	}
}

// Exponential is the time to an event that happens once per mean, whatever came
// before.
func Exponential(mean time.Duration) Dist {
	return func(r *rand.Rand) time.Duration {
		return time.Duration(r.ExpFloat64() * float64(mean))
	}
}

// Skewed is log-normal with the given median and 95th percentile: the shape of
// boot and pull times, mostly alike with a long tail.
func Skewed(median, p95 time.Duration) Dist {
	const z95 = 1.6448536269514722 // 95th percentile of the standard normal
	sigma := math.Log(float64(p95)/float64(median)) / z95
	return func(r *rand.Rand) time.Duration {
		return time.Duration(float64(median) * math.Exp(sigma*r.NormFloat64()))
	}
}

// chance gives a stream of random numbers for each purpose and subject. It holds
// one generator and seeds it anew for each stream, which costs no allocation; so
// a stream is good until the next one is asked for, under the backend's lock.
type chance struct {
	seed uint64
	pcg  rand.PCG
	rand *rand.Rand
}

func newChance(seed uint64) *chance {
	c := &chance{seed: seed}
	c.rand = rand.New(&c.pcg)
	return c
}

// stream returns the numbers for a purpose ("boot-time") and a subject (a host's id).
func (c *chance) stream(purpose, subject string) *rand.Rand {
	c.pcg.Seed(c.seed, fnv1a(fnv1a(fnvOffset, purpose), subject))
	return c.rand
}

// draw returns a duration for a purpose and a subject; 0 of a nil dist, and never
// less.
func (c *chance) draw(d Dist, purpose, subject string) time.Duration {
	if d == nil {
		return 0
	}
	return max(0, d(c.stream(purpose, subject)))
}

// The FNV-1a hash of 64 bits (hash/fnv would allocate for each string).
const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

// fnv1a adds s, and a separator, to the hash h.
func fnv1a(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return (h ^ 0xff) * fnvPrime
}
