package engine

import (
	"math"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

func TestHowOftenSpotHostsAreTaken(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seen := func(instanceType string, taken, hours float64, ago time.Duration) store.SpotUse {
		return store.SpotUse{Type: instanceType, Taken: taken, Hours: hours, AsOf: batch.MillisOf(now.Add(-ago))}
	}
	const prior = 0.05 / 730
	all := (10 + 72*prior) / 1072
	for name, test := range map[string]struct {
		uses []store.SpotUse
		of   string
		want float64
	}{
		"nothing is known: one in twenty a month":            {nil, "m5.large", prior},
		"a thousand calm hours, another type":                {[]store.SpotUse{seen("c5.large", 0, 1000, 0)}, "m5.large", 72 * prior / 1072},
		"ten were taken in a thousand hours, another type":   {[]store.SpotUse{seen("c5.large", 10, 1000, 0)}, "m5.large", all},
		"of the type itself its own record counts most":      {[]store.SpotUse{seen("c5.large", 10, 1000, 0)}, "c5.large", (10 + 72*all) / 1072},
		"a half-life ago they count half":                    {[]store.SpotUse{seen("c5.large", 20, 2000, spotHalfLife)}, "m5.large", all},
		"long ago they are forgotten, and the prior is back": {[]store.SpotUse{seen("c5.large", 10, 1000, 365*24*time.Hour)}, "m5.large", prior},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ratesOf(test.uses, now).of(test.of); math.Abs(got/test.want-1) > 1e-3 {
				t.Errorf("rate of %s = %g an hour, want %g", test.of, got, test.want)
			}
		})
	}
}
