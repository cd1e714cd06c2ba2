package packing_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

func TestExploreLimit(t *testing.T) {
	if os.Getenv("LIMIT") == "" {
		t.Skip()
	}
	for _, f := range families() {
		if f.name != "large" && f.name != "uniform small" && f.name != "1,000 types, distinct" && f.name != "heavy tail" {
			continue
		}
		for _, limit := range []time.Duration{10, 50, 100, 200, 500, 1000, 1500, 2000} {
			in := packing.Input{Groups: f.jobs(100000), Types: f.types}
			start := cpuNow()
			var last time.Duration
			var worst time.Duration
			in.Budget.Expired = func() bool {
				now := cpuNow() - start
				if now-last > worst {
					worst = now - last
				}
				last = now
				return now > limit*time.Millisecond
			}
			p := packing.Pack(in)
			end := cpuNow() - start
			check(t, in, p)
			fmt.Println(f.name, limit, "took", end, "after the last question", end-last, "worst between", worst, p.USDPerHour, p.LowerBoundUSD)
		}
	}
}
