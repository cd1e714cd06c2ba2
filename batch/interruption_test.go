package batch_test

import (
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestOnSpot(t *testing.T) {
	const hour = time.Hour
	tests := map[string]struct {
		of      batch.RunTime
		perHour float64
		boot    time.Duration
		want    time.Duration
	}{
		"never interrupted: its own time":             {batch.RunTime{Mean: hour, Spread: 1}, 0, hour, hour},
		"nothing known":                               {batch.RunTime{}, 1, hour, 0},
		"an hour, once an hour: (e-1)/1 hours":        {batch.RunTime{Mean: hour}, 1, 0, 6185 * time.Second},
		"and e-1 boots":                               {batch.RunTime{Mean: hour}, 1, 6 * time.Minute, 6804 * time.Second},
		"a minute, once an hour: half a second":       {batch.RunTime{Mean: time.Minute}, 1, 0, 60*time.Second + 503*time.Millisecond},
		"exponential, twice a mean: 1/(1-0.5)":        {batch.RunTime{Mean: hour, Spread: 1}, 0.5, 0, 2 * hour},
		"exponential, as often as it ends":            {batch.RunTime{Mean: hour, Spread: 1}, 1, 0, 100 * 365 * 24 * hour},
		"twenty hours, once an hour: it does not end": {batch.RunTime{Mean: 20 * hour}, 1, 0, 100 * 365 * 24 * hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := test.of.OnSpot(test.perHour, test.boot)
			if diff := got - test.want; diff < -time.Second || diff > time.Second {
				t.Errorf("OnSpot(%g an hour, boot %s) of %+v = %s, want %s", test.perHour, test.boot, test.of, got, test.want)
			}
		})
	}
}
