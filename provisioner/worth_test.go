package provisioner_test

import (
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner"
)

// at gives a host its price.
func at(usd float64, h provisioner.Host) provisioner.Host {
	h.USDPerHour = usd
	return h
}

// Beyond minvCpus the host goes whose loss saves most: the dearest for each vCPU.
func TestTheDearestIdleHostGoesFirst(t *testing.T) {
	const dear, cheap = 0.252, 0.17 // r5.xlarge and c5.xlarge
	double := at(2*cheap, idle("double", time.Hour))
	double.Has = size(8, 16)
	for name, test := range map[string]struct {
		env  provisioner.Environment
		want []string
	}{
		"not the one that has been idle for longer": {
			environment(bounds(4, 16), has(at(dear, idle("dear", 10*time.Minute))), has(at(cheap, idle("cheap", time.Hour)))), []string{"drain dear"},
		},
		"nor before its window is over, the other in its place": {
			environment(bounds(4, 16), has(at(dear, idle("dear", 4*time.Minute))), has(at(cheap, idle("cheap", time.Hour)))), []string{"look again in 1m0s"},
		},
		"at one price the longest idle": {
			environment(bounds(4, 16), has(at(cheap, idle("a", 10*time.Minute))), has(at(cheap, idle("b", time.Hour)))), []string{"drain b"},
		},
		"a larger host is not dearer for its size": {
			environment(bounds(8, 16), has(at(dear, idle("dear", 10*time.Minute))), has(double)), []string{"drain dear"},
		},
		"one of which the price is not known last": {
			environment(bounds(4, 16), has(idle("a", time.Hour)), has(at(cheap, idle("cheap", 10*time.Minute)))), []string{"drain cheap"},
		},
		"while the dear one is busy the cheap one goes": {
			environment(bounds(4, 16), has(at(dear, busy("dear"))), has(at(cheap, idle("cheap", time.Hour)))), []string{"drain cheap"},
		},
		"without minvCpus all go": {
			environment(has(at(cheap, idle("cheap", time.Hour))), has(at(dear, idle("dear", time.Hour)))), []string{"drain dear", "drain cheap"},
		},
	} {
		t.Run(name, func(t *testing.T) { wants(t, test.env, test.want...) })
	}
}
