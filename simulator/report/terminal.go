package report

import (
	"fmt"
	"io"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/packhorse-batch/packhorse/simulator"
)

// figure is one line of the summary: its name, and how a result shows it.
type figure struct {
	name string
	of   func(*simulator.Result) string
}

// figures are what both the terminal and the page show of each result, in order.
var figures = []figure{
	{"cost", func(r *simulator.Result) string { return usd(r.CostUSD) }},
	{"lower bound", func(r *simulator.Result) string { return usd(r.Bound.USD) }}, // each market has its own
	{"cost / lower bound", func(r *simulator.Result) string { return times(r.CostToBound) }},
	{"cost / one host per job", func(r *simulator.Result) string { return times(r.CostToOnePer) }},
	{"cost per job", func(r *simulator.Result) string { return usd(r.USDPerJob) }},
	{"wait: median", func(r *simulator.Result) string { return span(r.Wait.P50) }},
	{"wait: 90 %", func(r *simulator.Result) string { return span(r.Wait.P90) }},
	{"wait: 99 %", func(r *simulator.Result) string { return span(r.Wait.P99) }},
	{"wait: longest", func(r *simulator.Result) string { return span(r.Wait.Max) }},
	{"completion: median", func(r *simulator.Result) string { return span(r.Completion.P50) }},
	{"completion: 90 %", func(r *simulator.Result) string { return span(r.Completion.P90) }},
	{"completion: 99 %", func(r *simulator.Result) string { return span(r.Completion.P99) }},
	{"completion: longest", func(r *simulator.Result) string { return span(r.Completion.Max) }},
	{"vCPUs used", func(r *simulator.Result) string { return percent(r.Utilisation.VCPU) }},
	{"memory used", func(r *simulator.Result) string { return percent(r.Utilisation.Memory) }},
	{"GPUs used", func(r *simulator.Result) string {
		if r.Utilisation.GPU == 0 {
			return "-"
		}
		return percent(r.Utilisation.GPU)
	}},
	{"hosts launched", func(r *simulator.Result) string { return count(r.Hosts) }},
	{"hosts at once, most", func(r *simulator.Result) string { return count(r.PeakHosts) }},
	{"interruptions", func(r *simulator.Result) string { return count(r.Interruptions.Hosts) }},
	{"  attempts lost", func(r *simulator.Result) string { return count(r.Interruptions.Attempts) }},
	{"  wasted", func(r *simulator.Result) string { return usd(r.Interruptions.USD) }},
	{"failed jobs", func(r *simulator.Result) string { return count(r.Failed) }},
	{"last job ended after", func(r *simulator.Result) string { return span(r.Simulated) }},
}

// Terminal writes a summary: the policies side by side, and what queues and types came to.
// colour says whether to use it.
func Terminal(w io.Writer, results []*simulator.Result, colour bool) error {
	first := results[0]
	_, err := fmt.Fprintf(w, "%s: %s jobs on %s, %s, seed %d\nlower bound %s (%s)\none host per job %s\n\n",
		first.Workload, count(first.Jobs), first.Types, first.Market, first.Seed,
		usd(first.Bound.USD), first.Bound.Method, usd(first.OnePerJobUSD))
	if err != nil {
		return err
	}
	t := newTable(w, colour)
	header := table.Row{""}
	for _, r := range results {
		header = append(header, r.Policy)
	}
	t.AppendHeader(header)
	for _, f := range figures {
		row := table.Row{f.name}
		for _, r := range results {
			row = append(row, f.of(r))
		}
		t.AppendRow(row)
	}
	alignRight(t, len(header))
	t.Render()
	for _, r := range results {
		if len(r.Queues) > 1 {
			if err := queueTable(w, r, colour); err != nil {
				return err
			}
		}
		if err := typeTable(w, r, colour); err != nil {
			return err
		}
	}
	for _, r := range results {
		for _, note := range r.Notes {
			if _, err := fmt.Fprintf(w, "note (%s): %s\n", r.Policy, note); err != nil {
				return err
			}
		}
	}
	return nil
}

func queueTable(w io.Writer, r *simulator.Result, colour bool) error {
	if _, err := fmt.Fprintf(w, "\n%s: queues\n", r.Policy); err != nil {
		return err
	}
	t := newTable(w, colour)
	t.AppendHeader(table.Row{"queue", "jobs", "cost", "per job", "wait: median", "wait: 99 %"})
	for _, q := range r.Queues {
		t.AppendRow(table.Row{q.Queue, count(q.Jobs), usd(q.USD), usd(q.USDPerJob), span(q.Wait.P50), span(q.Wait.P99)})
	}
	alignRight(t, 6)
	t.Render()
	return nil
}

// maxTypes is how many types are shown one by one.
const maxTypes = 8

func typeTable(w io.Writer, r *simulator.Result, colour bool) error {
	if len(r.ByType) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n%s: hosts\n", r.Policy); err != nil {
		return err
	}
	t := newTable(w, colour)
	t.AppendHeader(table.Row{"type", "hosts", "billed hours", "cost"})
	for _, use := range topTypes(r) {
		t.AppendRow(table.Row{use.Type, count(use.Hosts), fmt.Sprintf("%.1f", use.Hours), usd(use.USD)})
	}
	alignRight(t, 4)
	t.Render()
	return nil
}

// topTypes are the types that cost most, and the others as one.
func topTypes(r *simulator.Result) []simulator.TypeUse {
	if len(r.ByType) <= maxTypes {
		return r.ByType
	}
	top := append([]simulator.TypeUse(nil), r.ByType[:maxTypes]...)
	others := simulator.TypeUse{Type: fmt.Sprintf("%d other types", len(r.ByType)-maxTypes)}
	for _, use := range r.ByType[maxTypes:] {
		others.Hosts += use.Hosts
		others.Hours += use.Hours
		others.USD += use.USD
	}
	return append(top, others)
}

func newTable(w io.Writer, colour bool) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	style.Options.DrawBorder, style.Options.SeparateColumns = false, false
	if colour {
		style.Color.Header = text.Colors{text.Bold}
	}
	t.SetStyle(style)
	return t
}

func alignRight(t table.Writer, columns int) {
	var configs []table.ColumnConfig
	for n := 2; n <= columns; n++ {
		configs = append(configs, table.ColumnConfig{Number: n, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
}
