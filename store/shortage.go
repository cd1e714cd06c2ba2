package store

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// Shortage says that a type of host could not be had in an environment. It is a record
// because a function that runs for a moment remembers nothing, and would ask again and
// again.
type Shortage struct {
	Version     int64          `json:"-"`
	Environment string         `json:"-"`
	Type        string         `json:"t"`
	Market      compute.Market `json:"m"`
	// Tries is how often it was asked for in vain since First.
	Tries int          `json:"n"`
	First batch.Millis `json:"f"`
	// Until is when it is asked for again.
	Until batch.Millis `json:"u"`
	Why   string       `json:"w,omitempty"`
}

// shortageKept is how long after its end a shortage is remembered, so that tries in a
// row can be counted.
const shortageKept = time.Hour

func shortageKey(s Shortage) Key {
	return Key{"short#" + s.Environment, string(s.Market) + "#" + s.Type}
}

// PutShortage writes a shortage.
func (r *Records) PutShortage(s Shortage) Op {
	return put(shortageKey(s), s.Version, s, s.Until.Time().Add(shortageKept))
}

// DeleteShortage forgets a shortage, because the type was to be had again.
func (r *Records) DeleteShortage(s Shortage) Op {
	return Delete(shortageKey(s), IfVersion(s.Version))
}

// Shortages returns what could not be had in an environment, over or not.
func (r *Records) Shortages(ctx context.Context, environment string) ([]Shortage, error) {
	found, err := all(ctx, r.table, "short#"+environment, func(s *Shortage, v int64) { s.Version = v })
	for i := range found {
		found[i].Environment = environment
	}
	return found, err
}
