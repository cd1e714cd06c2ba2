package simulator

import "time"

// level is how much there is of something at a moment.
type level struct {
	hosts, tasks               float64
	usd                        float64 // an hour
	vcpu, mib, gpu             float64 // of hosts
	usedVCPU, usedMiB, usedGPU float64 // by jobs that run
	waiting                    float64 // vCPUs of jobs that could run and do not
}

// plus returns l + f*o.
func (l level) plus(o level, f float64) level {
	return level{
		l.hosts + f*o.hosts, l.tasks + f*o.tasks, l.usd + f*o.usd,
		l.vcpu + f*o.vcpu, l.mib + f*o.mib, l.gpu + f*o.gpu,
		l.usedVCPU + f*o.usedVCPU, l.usedMiB + f*o.usedMiB, l.usedGPU + f*o.usedGPU,
		l.waiting + f*o.waiting,
	}
}

func (l level) negative() level { return level{}.plus(l, -1) }

// series adds levels up over time: in whole, and in at most maxBuckets parts of equal
// length, which double when time outgrows them. So it takes the same memory however long
// a simulation is.
type series struct {
	now     level
	at      time.Duration
	width   time.Duration
	buckets []level // level times seconds
	total   level
	peak    level
}

const maxBuckets = 480

func newSeries() *series { return &series{width: time.Second} }

// add changes the level at a moment. One before the last is taken as the last.
func (s *series) add(at time.Duration, change level) {
	s.advance(at)
	s.now = s.now.plus(change, 1)
	s.peak = level{
		hosts: max(s.peak.hosts, s.now.hosts), tasks: max(s.peak.tasks, s.now.tasks),
		vcpu: max(s.peak.vcpu, s.now.vcpu), usedVCPU: max(s.peak.usedVCPU, s.now.usedVCPU),
	}
}

// advance adds what there has been since the last moment.
func (s *series) advance(to time.Duration) {
	for s.at < to {
		at := int(s.at / s.width)
		for at >= maxBuckets {
			s.halve()
			at = int(s.at / s.width)
		}
		end := min(to, time.Duration(at+1)*s.width)
		for len(s.buckets) <= at {
			s.buckets = append(s.buckets, level{})
		}
		seconds := (end - s.at).Seconds()
		s.buckets[at] = s.buckets[at].plus(s.now, seconds)
		s.total = s.total.plus(s.now, seconds)
		s.at = end
	}
}

// halve joins each two buckets.
func (s *series) halve() {
	for i := range (len(s.buckets) + 1) / 2 {
		sum := s.buckets[2*i]
		if 2*i+1 < len(s.buckets) {
			sum = sum.plus(s.buckets[2*i+1], 1)
		}
		s.buckets[i] = sum
	}
	s.buckets = s.buckets[:(len(s.buckets)+1)/2]
	s.width *= 2
}
