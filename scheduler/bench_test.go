package scheduler_test

import (
	"fmt"
	"testing"

	"github.com/packhorse-batch/packhorse/scheduler"
)

// BenchmarkPlan plans the front of a queue, 1,000 jobs, over 500 hosts and 500 types.
// It should take a few milliseconds: a pass is made for each piece of news.
func BenchmarkPlan(b *testing.B) {
	const jobs, hosts, shapes = 1000, 500, 500
	fleet := func(free float64) scheduler.Environment {
		e := environment("ce")
		e.MaxMilliVCPU = 4000 * hosts
		for i := range hosts {
			e.Hosts = append(e.Hosts, host(fmt.Sprintf("h%03d", i), free))
		}
		e.Shapes = nil
		for i := range shapes {
			vcpus := float64(1 + i%96)
			e.Shapes = append(e.Shapes, scheduler.Shape{Type: fmt.Sprintf("t%03d", i), Has: size(vcpus, int64(vcpus)*4096)})
		}
		return e
	}
	front := func(need func(i int) scheduler.Job) []scheduler.Job {
		list := make([]scheduler.Job, jobs)
		for i := range list {
			list[i] = need(i)
			list[i].ID = fmt.Sprintf("j%04d", i)
		}
		return list
	}
	equal := func(int) scheduler.Job { return job("", 1) }
	distinct := func(i int) scheduler.Job {
		j := job("", 1)
		j.Need.MemoryMiB += int64(i)
		return j
	}
	tooBig := func(i int) scheduler.Job {
		j := job("", 1)
		j.Need.MemoryMiB = int64(1_000_000 + i)
		return j
	}
	for name, snapshot := range map[string]scheduler.Snapshot{
		"equal jobs, room for all":     on(fleet(4), front(equal)...),
		"distinct jobs, room for all":  on(fleet(4), front(distinct)...),
		"equal jobs, no room":          on(fleet(0), front(equal)...),
		"distinct jobs, no room":       on(fleet(0), front(distinct)...),
		"distinct jobs that never fit": on(fleet(0), front(tooBig)...),
		"an array of 1,000, room":      on(fleet(4), array("a", jobs, 1)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				scheduler.Plan(snapshot)
			}
		})
	}
}
