package store

import (
	"context"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// SpotUse is what Spot hosts of a type have been through in this deployment, the older
// hosts decayed: how often they are taken away follows from it.
type SpotUse struct {
	Version int64  `json:"-"`
	Type    string `json:"t"`
	// Hours is how long hosts were up, Taken how many of them EC2 took.
	Hours float64      `json:"h"`
	Taken float64      `json:"n"`
	AsOf  batch.Millis `json:"at"`
}

// spotUseKept is how long a type is remembered of which no host has ended.
const spotUseKept = 90 * 24 * time.Hour

const spotUsePartition = "spotuse"

// PutSpotUse writes what hosts of a type have been through.
func (r *Records) PutSpotUse(u SpotUse) Op {
	return put(Key{spotUsePartition, u.Type}, u.Version, u, u.AsOf.Time().Add(spotUseKept))
}

// SpotUse returns what is known of a type; an empty value when nothing is.
func (r *Records) SpotUse(ctx context.Context, instanceType string) (SpotUse, error) {
	u := SpotUse{Type: instanceType}
	version, err := get(ctx, r.table, Key{spotUsePartition, instanceType}, &u)
	if IsNotFound(err) {
		return u, nil
	}
	u.Version = version
	return u, err
}

// SpotUses returns what is known of all types.
func (r *Records) SpotUses(ctx context.Context) ([]SpotUse, error) {
	return all(ctx, r.table, spotUsePartition, func(u *SpotUse, v int64) { u.Version = v })
}
