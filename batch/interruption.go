package batch

import (
	"math"
	"time"
)

// OnSpot is how long a job is expected to be paid for on hosts that are taken away
// perHour times an hour, each time with all that it has done: its own time, what it does
// again, and a boot for each new begin. forEver where it is not expected to end.
//
// A job of t hours ends at its first try with the probability e^-rt, so it begins
// e^rt - 1 times again and runs for (e^rt - 1)/r hours in the mean. t varies, as a gamma
// distribution of the mean and spread: then e^rt is (1 - r*mean*spread²)^(-1/spread²).
func (r RunTime) OnSpot(perHour float64, boot time.Duration) time.Duration {
	if perHour <= 0 || r.Mean <= 0 {
		return r.Mean
	}
	mean, square := perHour*r.Mean.Hours(), r.Spread*r.Spread
	begins := math.Expm1(mean)
	const narrow = 1e-6 // below it the gamma distribution is a point
	if square > narrow {
		if mean*square >= 1 {
			return forEver
		}
		begins = math.Expm1(-math.Log1p(-mean*square) / square)
	}
	if hours := begins/perHour + begins*boot.Hours(); hours < forEver.Hours() {
		return time.Duration(hours * float64(time.Hour))
	}
	return forEver
}

// forEver is longer than anything runs.
const forEver = 100 * 365 * 24 * time.Hour
