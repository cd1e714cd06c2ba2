package batch_test

import (
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestLeft(t *testing.T) {
	const hour = time.Hour
	for name, test := range map[string]struct {
		of   batch.RunTime
		ran  time.Duration
		want time.Duration
	}{
		"one that has just begun: the mean":            {batch.RunTime{Mean: hour, Spread: 0.5}, 0, hour},
		"little spread: what is left of the mean":      {batch.RunTime{Mean: hour, Spread: 0.5}, hour / 4, 3 * hour / 4},
		"little spread, overdue: soon":                 {batch.RunTime{Mean: hour, Spread: 0.5}, 9 * hour, 18 * time.Minute},
		"long tails: the older, the longer it goes on": {batch.RunTime{Mean: hour, Spread: 2}, 5 * hour, 4 * hour},
		"nothing known: nothing":                       {batch.RunTime{}, hour, 0},
		"a clock that went back":                       {batch.RunTime{Mean: hour}, -hour, hour},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.of.Left(test.ran); got != test.want {
				t.Errorf("%+v.Left(%s) = %s, want %s", test.of, test.ran, got, test.want)
			}
		})
	}
}

func TestBeyond(t *testing.T) {
	const hour = time.Hour
	for name, test := range map[string]struct {
		of   batch.RunTime
		busy time.Duration
		want time.Duration
	}{
		"on an empty host: all of it":                    {batch.RunTime{Mean: hour, Spread: 1}, 0, hour},
		"as long as the others, certain: nothing":        {batch.RunTime{Mean: hour}, hour, 0},
		"as long as the others, anything may be: half":   {batch.RunTime{Mean: hour, Spread: 3}, hour, hour / 2},
		"shorter than the others, some spread: a little": {batch.RunTime{Mean: hour, Spread: 0.5}, 3 * hour, hour / 8},
		"nothing known: nothing":                         {batch.RunTime{}, hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.of.Beyond(test.busy); got != test.want {
				t.Errorf("%+v.Beyond(%s) = %s, want %s", test.of, test.busy, got, test.want)
			}
		})
	}
}
