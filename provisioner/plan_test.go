package provisioner_test

import (
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner"
)

func arm(o provisioner.Offer) provisioner.Offer {
	o.Arch = "arm64"
	return o
}

func TestLaunches(t *testing.T) {
	inactive := func(e *provisioner.Environment) { e.Active = false }
	ending := func(e *provisioner.Environment) { e.Ending = true }
	forARM := func(e *provisioner.Environment) { e.Demand[0].Arch = "arm64" }
	for name, test := range map[string]struct {
		env  provisioner.Environment
		want []string
	}{
		"nothing waits":                                {environment(), nil},
		"one small job: the smallest host":             {environment(demands(1, size(1, 1))), []string{"launch 1 m5.large"}},
		"jobs that fill hosts: as few as hold them":    {environment(demands(8, size(1, 2))), []string{"launch 2 m5.xlarge"}},
		"a job that only the larger type holds":        {environment(demands(1, size(3, 3))), []string{"launch 1 m5.xlarge"}},
		"what takes more of a host for its price wins": {environment(offers(xlarge(), compute()), demands(4, size(1, 1))), []string{"launch 1 c5.xlarge"}},
		"memory decides where memory is short":         {environment(offers(compute(), memory()), demands(4, size(1, 8))), []string{"launch 1 r5.xlarge"}},
		"never above maxvCpus":                         {environment(demands(100, size(1, 2))), []string{"launch 4 m5.xlarge"}},
		"what hosts have counts under maxvCpus": {
			environment(has(busy("a")), has(draining("b", 1)), demands(100, size(1, 2))), []string{"launch 2 m5.xlarge"},
		},
		"what is left is too little": {environment(bounds(0, 5), has(busy("a")), demands(1, size(1, 1))), nil},
		"a job larger than all types waits; others do not": {
			environment(demands(1, size(9, 9)), demands(2, size(1, 1))), []string{"launch 1 m5.large"},
		},
		"a host on its way takes what waits": {
			environment(has(booting("a", time.Minute)), demands(4, size(1, 4))), []string{"look again in 14m0s"},
		},
		"and what it does not take gets another": {
			environment(has(booting("a", time.Minute)), demands(5, size(1, 4))), []string{"launch 1 m5.large", "look again in 14m0s"},
		},
		"a host on its way of another architecture takes nothing": {
			environment(offers(arm(large())), has(booting("a", time.Minute)), demands(1, size(1, 1)), forARM),
			[]string{"launch 1 m5.large", "look again in 14m0s"},
		},
		"large and small together on one host": {
			environment(offers(xlarge()), demands(1, size(3, 3)), demands(1, size(1, 1))), []string{"launch 1 m5.xlarge"},
		},
		"an environment that is disabled grows no more": {environment(demands(1, size(1, 1)), inactive), nil},
		"neither does one that is deleted":              {environment(demands(1, size(1, 1)), ending), nil},
		"no offers":                                     {environment(offers(), demands(1, size(1, 1))), nil},

		"minvCpus without demand":        {environment(bounds(4, 16)), []string{"launch 2 m5.large"}},
		"minvCpus at the lowest price":   {environment(bounds(8, 16), offers(xlarge(), compute())), []string{"launch 2 c5.xlarge"}},
		"minvCpus that no type meets":    {environment(bounds(3, 16)), []string{"launch 2 m5.large"}},
		"minvCpus smaller than all":      {environment(bounds(1, 16), offers(xlarge())), []string{"launch 1 m5.xlarge"}},
		"minvCpus up to maxvCpus only":   {environment(bounds(10, 10), offers(xlarge())), []string{"launch 2 m5.xlarge"}},
		"minvCpus of what demand brings": {environment(bounds(4, 16), demands(2, size(1, 1))), []string{"launch 1 m5.large", "launch 1 m5.large"}},
		"minvCpus that are there":        {environment(bounds(4, 16), has(idle("a", time.Hour))), nil},
		"minvCpus that are on their way": {environment(bounds(4, 16), has(booting("a", time.Minute))), []string{"look again in 14m0s"}},
		"minvCpus that leave":            {environment(bounds(4, 16), has(draining("a", 1))), []string{"launch 2 m5.large"}},
		"minvCpus that leave, no room":   {environment(bounds(4, 4), has(draining("a", 1))), nil},
	} {
		t.Run(name, func(t *testing.T) { wants(t, test.env, test.want...) })
	}
}

func TestHostsGo(t *testing.T) {
	replaced := func(by time.Duration) func(*provisioner.Environment) {
		return func(e *provisioner.Environment) {
			e.ReplaceBefore, e.ReplaceBy = now.Add(-time.Minute), now.Add(by)
		}
	}
	young := func(h provisioner.Host) provisioner.Host {
		h.CreatedAt = now.Add(-time.Second)
		return h
	}
	ending := func(e *provisioner.Environment) { e.Ending, e.Active = true, false }
	big := size(4, 16)
	little := func(h provisioner.Host) provisioner.Host {
		h.Has = size(2, 8)
		return h
	}
	unknown := idle("a", 0)
	unknown.IdleSince = time.Time{}
	for name, test := range map[string]struct {
		env  provisioner.Environment
		want []string
	}{
		"one that is idle stays for its window":         {environment(has(idle("a", 2*time.Minute))), []string{"look again in 3m0s"}},
		"and is drained when it is over":                {environment(has(idle("a", 5*time.Minute))), []string{"drain a"}},
		"one that drained is ended":                     {environment(has(draining("a", 0))), []string{"end a"}},
		"one that drains with tasks stays":              {environment(has(draining("a", 2))), nil},
		"one that is busy stays":                        {environment(has(busy("a"))), nil},
		"the soonest is looked at first":                {environment(has(idle("a", time.Minute)), has(idle("b", 4*time.Minute))), []string{"look again in 1m0s"}},
		"one whose idle time is not known stays":        {environment(has(unknown)), []string{"look again in 5m0s"}},
		"minvCpus stay":                                 {environment(bounds(4, 16), has(idle("a", time.Hour)), has(idle("b", 2*time.Hour))), []string{"drain b"}},
		"minvCpus stay whole: none is cut":              {environment(bounds(1, 16), has(idle("a", time.Hour))), nil},
		"minvCpus are met by hosts on their way":        {environment(bounds(4, 16), has(booting("a", time.Minute)), has(idle("b", time.Hour))), []string{"drain b", "look again in 14m0s"}},
		"of an environment that is disabled too":        {environment(func(e *provisioner.Environment) { e.Active = false }, has(idle("a", time.Hour))), []string{"drain a"}},
		"of an environment that is deleted at once":     {environment(ending, bounds(4, 16), has(idle("a", 0)), has(busy("b")), has(booting("c", 0))), []string{"drain a", "drain b", "end c"}},
		"one that boots for too long is ended":          {environment(has(booting("a", 15*time.Minute))), []string{"end a"}},
		"one that boots is waited for":                  {environment(has(booting("a", 14*time.Minute))), []string{"look again in 1m0s"}},
		"one that boots for too long is replaced later": {environment(bounds(0, 4), has(booting("a", 15*time.Minute)), demands(1, size(1, 1))), []string{"end a"}},

		"outdated ones drain, busy or not":        {environment(replaced(time.Hour), has(busy("a")), has(idle("b", 0)), has(young(busy("c")))), []string{"drain b", "drain a"}},
		"outdated ones on their way are ended":    {environment(replaced(time.Hour), has(booting("a", 2*time.Minute))), []string{"end a"}},
		"outdated ones that drain have some time": {environment(replaced(time.Hour), has(draining("a", 1))), []string{"look again in 1h0m0s"}},
		"outdated ones are ended after it":        {environment(replaced(0), has(draining("a", 1))), []string{"end a"}},
		"outdated ones make room for new ones":    {environment(replaced(time.Hour), bounds(4, 8), has(busy("a"))), []string{"launch 2 m5.large", "drain a"}},

		"an idle one makes way for a job it cannot hold": {
			environment(bounds(0, 4), has(little(idle("a", 0))), demands(1, big)), []string{"drain a"},
		},
		"only as many make way as it takes, the longest idle first": {
			environment(bounds(0, 8), has(little(idle("a", time.Second))), has(little(idle("b", 3*time.Second))),
				has(little(idle("c", 2*time.Second))), has(little(busy("d"))), demands(1, big)),
			[]string{"drain b", "drain c", "look again in 4m59s"},
		},
		"none makes way while there is room": {
			environment(bounds(0, 8), has(little(idle("a", 0))), demands(1, big)), []string{"launch 1 m5.xlarge", "look again in 5m0s"},
		},
		"none makes way while another drains that does": {
			environment(bounds(0, 6), has(little(idle("a", 0))), has(draining("b", 1)), demands(1, big)), []string{"look again in 5m0s"},
		},
		"none makes way where that would not be enough": {
			environment(bounds(0, 6), has(little(idle("a", 0))), has(busy("b")), demands(1, big)), []string{"look again in 5m0s"},
		},
		"none makes way for a job that it can hold": {
			environment(bounds(0, 4), has(idle("a", 0)), demands(1, big)), []string{"look again in 5m0s"},
		},
		"none makes way for a job that no type holds": {
			environment(bounds(0, 4), has(little(idle("a", 0))), demands(1, size(64, 1))), []string{"look again in 5m0s"},
		},
		"minvCpus do not make way": {
			environment(bounds(2, 4), has(little(idle("a", 0))), demands(1, big)), nil,
		},
	} {
		t.Run(name, func(t *testing.T) { wants(t, test.env, test.want...) })
	}
}
