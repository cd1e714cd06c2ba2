package batch

import "time"

// RunTime is what is expected of how long jobs of a kind run.
type RunTime struct {
	Mean time.Duration // 0: nothing is known
	// Spread is the standard deviation as a fraction of the mean. Above 1 the kind has
	// long tails: the longer a job has run, the longer it goes on.
	Spread float64
}

// Known reports whether anything is known.
func (r RunTime) Known() bool { return r.Mean > 0 }

// leastLeft is the part of the mean that a job of little spread is still expected to run
// when the mean is over.
const leastLeft = 0.3

// Left is how much longer a job goes on that has run for some time.
//
// With a spread above 1 that time grows with what it has run: by Lomax's distribution of
// the same mean and spread, whose mean residual life is linear. Below, the mean is what
// it is nearing.
func (r RunTime) Left(ran time.Duration) time.Duration {
	ran = max(0, ran)
	if square := r.Spread * r.Spread; square > 1 {
		return r.Mean + time.Duration((square-1)/(square+1)*float64(ran))
	}
	return max(r.Mean-ran, time.Duration(leastLeft*float64(r.Mean)))
}

// Beyond is how long a job that begins now is expected to run on after busy, when all that
// runs beside it is expected to be over.
//
// Both moments are uncertain: with a spread of 1 and more they are taken as exponential,
// where the time beyond is mean²/(mean+busy); without spread it is their difference; and
// in between a mixture.
func (r RunTime) Beyond(busy time.Duration) time.Duration {
	if r.Mean <= 0 {
		return 0
	}
	if busy <= 0 {
		return r.Mean
	}
	spread := min(1, r.Spread)
	loose := float64(r.Mean) * float64(r.Mean) / float64(r.Mean+busy)
	return time.Duration(spread*loose + (1-spread)*float64(max(0, r.Mean-busy)))
}
