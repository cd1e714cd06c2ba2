package packing_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

func cpuNow() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestExplore(t *testing.T) {
	if os.Getenv("EXPLORE") == "" {
		t.Skip()
	}
	for _, s := range strings.Split(os.Getenv("EXPLORE"), ",") {
		n, _ := strconv.Atoi(s)
		for _, f := range families() {
			if o := os.Getenv("ONLY"); o != "" && !strings.Contains(f.name, o) {
				continue
			}
			in := packing.Input{Groups: f.jobs(n), Types: f.types}
			t0 := cpuNow()
			p := packing.Pack(in)
			t1 := cpuNow()
			ff := packing.FirstFit(in)
			t2 := cpuNow()
			check(t, in, p)
			check(t, in, ff)
			if len(p.Unplaced)+len(ff.Unplaced) > 0 {
				t.Errorf("%d, %d kinds unplaced", len(p.Unplaced), len(ff.Unplaced))
			}
			if n > 2000 {
				mostTries = 0
			}
			name, best := "", 0.0
			if n <= 20000 {
				name, best = bestBaseline(in)
			}
			fmt.Printf("%-28s %6d jobs %6d kinds: ours %10.2f bound %10.2f ratio %.4f, ff %.4f, baseline %.4f %s, %5d hosts, cpu %.3f ff %.1f ms\n", f.name, n, len(in.Groups), p.USDPerHour, p.LowerBoundUSD,
				p.USDPerHour/p.LowerBoundUSD, ff.USDPerHour/p.USDPerHour, best/p.USDPerHour, name, p.HostCount(), (t1 - t0).Seconds(), (t2-t1).Seconds()*1000)
		}
	}
}
