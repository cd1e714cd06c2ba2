package batch

import (
	"strconv"
	"time"
)

// The tags of a Spot environment, or of a job in its queue, that let hosts be bought
// On-Demand when there is no Spot capacity (AWS Batch leaves such jobs waiting): after so
// many types were asked for in vain, or after so many minutes.
const (
	TagOnDemandAfterTries   = "packhorse:on-demand-after-tries"
	TagOnDemandAfterMinutes = "packhorse:on-demand-after-minutes"
)

// OnDemandAfter is what those tags say; 0 is never.
type OnDemandAfter struct {
	Tries   int     `json:"t,omitempty"`
	Minutes float64 `json:"m,omitempty"`
}

// OnDemandAfterOf reads the tags; nil when they say nothing. What is no positive number
// says nothing.
func OnDemandAfterOf(tags map[string]string) *OnDemandAfter {
	var o OnDemandAfter
	if n, err := strconv.Atoi(tags[TagOnDemandAfterTries]); err == nil && n > 0 {
		o.Tries = n
	}
	if m, err := strconv.ParseFloat(tags[TagOnDemandAfterMinutes], 64); err == nil && m > 0 {
		o.Minutes = m
	}
	if o == (OnDemandAfter{}) {
		return nil
	}
	return &o
}

// Over reports whether it is time, after so many tries since first.
func (o *OnDemandAfter) Over(tries int, since time.Duration) bool {
	return o != nil && tries > 0 &&
		(o.Tries > 0 && tries >= o.Tries || o.Minutes > 0 && since.Minutes() >= o.Minutes)
}
