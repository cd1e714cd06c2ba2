package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/provisioner/packing"
)

// planRows is how many lines of hosts or of jobs without a place are shown to people;
// -o json has all.
const planRows = 20

// planText is a plan for people: what it costs, then the hosts by type.
func (a *App) planText(in packing.Input, p packing.Plan, answer planJSON) string {
	var b strings.Builder
	var sum facts
	jobs, left := 0, 0
	for _, g := range in.Groups {
		jobs += g.Count
	}
	for _, u := range p.Unplaced {
		left += u.Count
	}
	sum.add("Jobs", placedText(jobs, left))
	sum.add("Hosts", strconv.Itoa(p.HostCount()))
	sum.add("Cost", fmt.Sprintf("$%.4f per hour", answer.USDPerHour))
	if answer.LowerBoundUSDPerHour > 0 {
		sum.add("Bound", fmt.Sprintf("$%.4f per hour: nothing can cost less; the plan is %.2f %% above it",
			answer.LowerBoundUSDPerHour, 100*(answer.USDPerHour/answer.LowerBoundUSDPerHour-1)))
	}
	if answer.StartUSD > 0 {
		sum.add("Starting", fmt.Sprintf("$%.4f once", answer.StartUSD))
	}
	sum.add("Found in", fmt.Sprintf("%.3f s", answer.Seconds))
	b.WriteString(sum.text(""))

	if rows := byType(in, p); len(rows) > 0 {
		g := &grid{columns: []column{
			{title: "TYPE"}, {title: "HOSTS", right: true}, {title: "USD/H", right: true}, {title: "JOBS", right: true},
			{title: "VCPU", right: true}, {title: "MEMORY", right: true}, {title: "GPU", right: true},
		}}
		for _, r := range rows {
			g.row(r.name, strconv.Itoa(r.hosts), fmt.Sprintf("%.4f", r.usd), strconv.Itoa(r.jobs),
				share(r.used.MilliVCPU, r.has.MilliVCPU), share(r.used.MemoryMiB, r.has.MemoryMiB), share(r.used.GPUs, r.has.GPUs))
		}
		b.WriteString("\n" + g.text(a.Out))
	}
	if len(p.Unplaced) > 0 {
		b.WriteString("\nWithout a place:\n")
		for i, u := range p.Unplaced {
			if i == planRows {
				fmt.Fprintf(&b, "  and %d more kinds; -o json has all\n", len(p.Unplaced)-planRows)
				break
			}
			fmt.Fprintf(&b, "  %s of %s: %s\n", plural(u.Count, "job"), in.Groups[u.Group].Need, u.Why)
		}
	}
	return b.String()
}

func placedText(jobs, left int) string {
	if left == 0 {
		return strconv.Itoa(jobs)
	}
	return fmt.Sprintf("%d, of which %d have no place", jobs, left)
}

// typeRow is the hosts of a type together.
type typeRow struct {
	name        string
	hosts, jobs int
	usd         float64
	used, has   batch.Resources
}

// byType adds up hosts by type, in the order of the plan: the dearest types first.
func byType(in packing.Input, p packing.Plan) []typeRow {
	var rows []typeRow
	at := map[int]int{}
	for _, h := range p.Hosts {
		t := &in.Types[h.Type]
		n, ok := at[h.Type]
		if !ok {
			n = len(rows)
			at[h.Type] = n
			rows = append(rows, typeRow{name: t.Name})
		}
		r := &rows[n]
		r.hosts += h.Count
		r.usd += t.USDPerHour * float64(h.Count)
		times := func(v batch.Resources, n int) batch.Resources {
			k := int64(n)
			return batch.Resources{MilliVCPU: k * v.MilliVCPU, MemoryMiB: k * v.MemoryMiB, GPUs: k * v.GPUs}
		}
		r.has = r.has.Add(times(t.Has, h.Count))
		for _, f := range h.Filling {
			r.jobs += f.Count * h.Count
			r.used = r.used.Add(times(in.Groups[f.Group].Need, f.Count*h.Count))
		}
	}
	return rows
}

// share is a part of a whole in percent; a dash where there is no whole.
func share(used, has int64) string {
	if has <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(used)/float64(has))
}
