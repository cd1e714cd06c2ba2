package scheduler_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
)

// The builders make things that are valid and unremarkable; a test changes what it is
// about.

func size(vcpus float64, mib int64) batch.Resources {
	return batch.Resources{MilliVCPU: int64(vcpus * 1000), MemoryMiB: mib}
}

// job needs that many vCPUs, and a GiB for each.
func job(id string, vcpus float64) scheduler.Job {
	return scheduler.Job{ID: id, Need: size(vcpus, int64(vcpus*1024)), Count: 1}
}

func array(id string, count int, vcpus float64) scheduler.Job {
	j := job(id, vcpus)
	j.Count = count
	return j
}

// host has 4 vCPUs and 16 GiB, of which so many vCPUs, with 4 GiB each, are free.
func host(id string, free float64) scheduler.Host {
	return scheduler.Host{ID: id, Type: "m5.xlarge", Has: size(4, 16384), Free: size(free, int64(free*4096))}
}

// environment has some hosts and may grow to 64 vCPUs on m5.xlarge.
func environment(name string, hosts ...scheduler.Host) scheduler.Environment {
	return scheduler.Environment{
		Name: name, Usable: true, Grows: true, MaxMilliVCPU: 64_000, Hosts: hosts,
		Shapes: []scheduler.Shape{{Type: "m5.xlarge", Has: size(4, 16384)}},
	}
}

// fixed is an environment that cannot grow.
func fixed(name string, hosts ...scheduler.Host) scheduler.Environment {
	e := environment(name, hosts...)
	e.Grows, e.Shapes = false, nil
	return e
}

func fargate(name string, maxVCPUs, used float64) scheduler.Environment {
	return scheduler.Environment{
		Name: name, Usable: true, Grows: true, Platform: batch.PlatformFargate,
		MaxMilliVCPU: int64(maxVCPUs * 1000), Used: size(used, 0),
	}
}

// queue is first in, first out over some environments.
func queue(name string, priority int32, envs []string, jobs ...scheduler.Job) scheduler.Queue {
	return scheduler.Queue{Name: name, Priority: priority, Environments: envs, Shares: []scheduler.Share{{Weight: 1, Jobs: jobs}}}
}

// on is a queue "q" over the environment "ce".
func on(e scheduler.Environment, jobs ...scheduler.Job) scheduler.Snapshot {
	e.Name = "ce"
	return scheduler.Snapshot{
		Queues: []scheduler.Queue{queue("q", 1, []string{"ce"}, jobs...)}, Environments: []scheduler.Environment{e},
	}
}

// placed writes placements as "job>host", in order.
func placed(d scheduler.Decision) []string {
	var list []string
	for _, p := range d.Placements {
		where := p.Host
		if where == "" {
			where = p.Environment
		}
		list = append(list, p.Job+">"+where)
	}
	return list
}

// waits writes what was left as "job", or "array*count", in order.
func waits(d scheduler.Decision) []string {
	var list []string
	for _, w := range d.Waits {
		if w.Count == 1 {
			list = append(list, w.Job)
		} else {
			list = append(list, fmt.Sprintf("%s*%d", w.Job, w.Count))
		}
	}
	return list
}

// demand writes what the provisioner is told as "environment: count of need".
func demand(d scheduler.Decision) []string {
	var list []string
	for _, g := range d.Demand {
		list = append(list, fmt.Sprintf("%s: %d of %s", g.Environment, g.Count, g.Need))
	}
	return list
}

func wants(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}
