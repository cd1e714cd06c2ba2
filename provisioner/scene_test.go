package provisioner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func size(vcpus, gib int64) batch.Resources {
	return batch.Resources{MilliVCPU: vcpus * 1000, MemoryMiB: gib * 1024}
}

// Offers at prices like those of AWS.
func large() provisioner.Offer {
	return provisioner.Offer{Type: "m5.large", Has: size(2, 8), USDPerHour: 0.096}
}

func xlarge() provisioner.Offer {
	return provisioner.Offer{Type: "m5.xlarge", Has: size(4, 16), USDPerHour: 0.192}
}

func compute() provisioner.Offer {
	return provisioner.Offer{Type: "c5.xlarge", Has: size(4, 8), USDPerHour: 0.17}
}

func memory() provisioner.Offer {
	return provisioner.Offer{Type: "r5.xlarge", Has: size(4, 32), USDPerHour: 0.252}
}

// environment is active, may have 16 vCPUs of m5.large and m5.xlarge, keeps idle hosts
// for 5 minutes and waits 15 for a boot.
func environment(edits ...func(*provisioner.Environment)) provisioner.Environment {
	e := provisioner.Environment{
		Name: "ce", Active: true, MaxMilliVCPU: 16_000, Offers: []provisioner.Offer{large(), xlarge()},
		IdleWindow: 5 * time.Minute, BootWindow: 15 * time.Minute,
	}
	for _, edit := range edits {
		edit(&e)
	}
	return e
}

// demands lets count jobs wait that need so much.
func demands(count int, need batch.Resources) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) {
		e.Demand = append(e.Demand, provisioner.Demand{Need: need, Count: count})
	}
}

func bounds(minVCPUs, maxVCPUs int64) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) { e.MinMilliVCPU, e.MaxMilliVCPU = minVCPUs*1000, maxVCPUs*1000 }
}

func offers(list ...provisioner.Offer) func(*provisioner.Environment) {
	return func(e *provisioner.Environment) { e.Offers = list }
}

// has adds a host of 4 vCPUs and 16 GiB.
func has(h provisioner.Host) func(*provisioner.Environment) {
	if h.Has == (batch.Resources{}) {
		h.Has = size(4, 16)
	}
	if h.CreatedAt.IsZero() {
		h.CreatedAt = now.Add(-time.Hour)
	}
	return func(e *provisioner.Environment) { e.Hosts = append(e.Hosts, h) }
}

// Hosts as tests need them.
func idle(id string, since time.Duration) provisioner.Host {
	return provisioner.Host{ID: id, State: provisioner.Ready, IdleSince: now.Add(-since)}
}

func busy(id string) provisioner.Host {
	return provisioner.Host{ID: id, State: provisioner.Ready, Tasks: 1}
}

func booting(id string, since time.Duration) provisioner.Host {
	return provisioner.Host{ID: id, State: provisioner.Booting, CreatedAt: now.Add(-since)}
}

func draining(id string, tasks int) provisioner.Host {
	return provisioner.Host{ID: id, State: provisioner.Draining, Tasks: tasks, IdleSince: now.Add(-time.Minute)}
}

// steps writes a plan line by line.
func steps(p provisioner.Plan) []string {
	var list []string
	for _, l := range p.Launches {
		list = append(list, fmt.Sprintf("launch %d %s", l.Count, l.Type))
	}
	for _, id := range p.Drain {
		list = append(list, "drain "+id)
	}
	for _, id := range p.Terminate {
		list = append(list, "end "+id)
	}
	if !p.Next.IsZero() {
		list = append(list, "look again in "+p.Next.Sub(now).String())
	}
	return list
}

func wants(t *testing.T, e provisioner.Environment, want ...string) {
	t.Helper()
	if got := steps(provisioner.Make(e, now)); !slices.Equal(got, want) {
		t.Errorf("the plan differs (-want +got):\n%s", cmp.Diff(want, got))
	}
}
