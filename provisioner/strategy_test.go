package provisioner_test

import (
	"testing"

	"github.com/packhorse-batch/packhorse/provisioner"
)

func by(s provisioner.Strategy) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) { e.Strategy = s }
}

// ranked gives offers the place in which they are listed.
func ranked(list ...provisioner.Offer) func(*provisioner.Environment) {
	for i := range list {
		list[i].Rank = i
	}
	return offers(list...)
}

func short(o provisioner.Offer) provisioner.Offer {
	o.Short = true
	return o
}

func TestBestFitKeepsToOneType(t *testing.T) {
	for name, test := range map[string]struct {
		env      provisioner.Environment
		want     []string
		waitsFor string
	}{
		"equal jobs: the type whose hosts for them cost the least": {
			environment(by(provisioner.BestFit), offers(large(), xlarge(), compute()), demands(4, size(1, 2))), []string{"launch 1 c5.xlarge"}, "",
		},
		"one type for all kinds, where cost alone would take two": {
			environment(by(provisioner.BestFit), demands(1, size(3, 3)), demands(1, size(2, 2))), []string{"launch 1 m5.xlarge", "launch 1 m5.xlarge"}, "",
		},
		"a type that holds all jobs goes before a cheaper one that does not": {
			environment(by(provisioner.BestFit), bounds(0, 64), offers(compute(), memory()), demands(8, size(1, 1)), demands(1, size(1, 20))),
			[]string{"launch 1 r5.xlarge", "launch 1 r5.xlarge", "launch 1 r5.xlarge"}, "",
		},
		"jobs that no type holds together with the others get a type of their own": {
			environment(by(provisioner.BestFit), offers(arm(large()), xlarge()), demands(2, size(2, 2)), func(e *provisioner.Environment) {
				e.Demand[0].Arch = "arm64"
				demands(1, size(4, 4))(e)
			}), []string{"launch 2 m5.large", "launch 1 m5.xlarge"}, "",
		},
		"the type cannot be had: they wait for it": {
			environment(by(provisioner.BestFit), offers(short(large()), xlarge()), demands(1, size(1, 1))), nil, "m5.large",
		},
		"what minvCpus lack is of a type that can be had": {
			environment(by(provisioner.BestFit), bounds(4, 16), offers(short(large()), xlarge()), demands(1, size(1, 1))),
			[]string{"launch 1 m5.xlarge"}, "m5.large",
		},
		"never above maxvCpus": {
			environment(by(provisioner.BestFit), bounds(0, 6), demands(9, size(2, 2))), []string{"launch 3 m5.large"}, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			wants(t, test.env, test.want...)
			if got := provisioner.Make(test.env, now).WaitsFor; got != test.waitsFor {
				t.Errorf("WaitsFor = %q, want %q", got, test.waitsFor)
			}
		})
	}
}

func TestOrderedTakesTheFirstTypeThatHoldsAJob(t *testing.T) {
	for name, test := range map[string]struct {
		env  provisioner.Environment
		want []string
	}{
		"the first in the list, though another is cheaper": {
			environment(by(provisioner.Ordered), ranked(memory(), xlarge(), compute()), demands(4, size(1, 1))), []string{"launch 1 r5.xlarge"},
		},
		"a further one for jobs that it does not hold": {
			environment(by(provisioner.Ordered), ranked(compute(), memory()), demands(4, size(1, 1)), demands(1, size(1, 30))),
			[]string{"launch 1 c5.xlarge", "launch 1 r5.xlarge"},
		},
		"and for jobs of which it holds none under maxvCpus": {
			environment(by(provisioner.Ordered), ranked(xlarge(), large()), bounds(0, 6), has(busy("a")), demands(1, size(1, 1))),
			[]string{"launch 1 m5.large"},
		},
		"within a place in the list cost decides": {
			environment(by(provisioner.Ordered), offers(large(), xlarge()), demands(1, size(1, 1))), []string{"launch 1 m5.large"},
		},
	} {
		t.Run(name, func(t *testing.T) { wants(t, test.env, test.want...) })
	}
}
