package store_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/store"
)

func TestWhatWakesAPass(t *testing.T) {
	for partition, want := range map[string]bool{
		"job#6f5902ac": true, "queue": true, "environment": true, "host#ce": true, "edge#j": true, "something new": true,
		"lease": false, "note": false, "prices": false, "why": false, "once": false, "share#q": false, "short#ce": false, "gone#ce": false,
		"definition#d": false, "trigger": false, "trigger.count": false, "trigger.deadletter": false, "leases": true,
	} {
		if got := store.Wakes(partition); got != want {
			t.Errorf("Wakes(%q) = %v, want %v", partition, got, want)
		}
	}
}
