package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strconv"

	"github.com/packhorse-batch/packhorse/simulator"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template is filled with.
type page struct {
	Title    string
	Lead     string
	Bound    string
	Policies []string
	Figures  []row
	Together []plot
	Each     []section
}

// row is a line of a table.
type row struct {
	Name  string
	Cells []string
}

// plot is a drawing with what is to be said of it.
type plot struct {
	Title, Note string
	SVG         template.HTML
}

// section is what is shown of one policy.
type section struct {
	Name   string
	Plots  []plot
	Legend []legend
	Hosts  []row
	Queues []row
	Notes  []string
}

// legend explains a colour of the host timeline.
type legend struct {
	Ink  int
	Name string
}

// HTML writes the page.
func HTML(w io.Writer, results []*simulator.Result) error {
	first := results[0]
	p := page{
		Title: first.Workload,
		Lead: fmt.Sprintf("%s jobs over %s, on %s, %s, seed %d.", count(first.Jobs), span(first.Simulated),
			first.Types, first.Market, first.Seed),
		Bound: fmt.Sprintf("As %s buys (%s), no fleet of these types could cost less than %s (%s). A host for each job, of the cheapest type that holds it, costs %s.",
			first.Policy, first.Market, usd(first.Bound.USD), first.Bound.Method, usd(first.OnePerJobUSD)),
	}
	for _, r := range results {
		p.Policies = append(p.Policies, r.Policy)
	}
	for _, f := range figures {
		line := row{Name: f.name}
		for _, r := range results {
			line.Cells = append(line.Cells, f.of(r))
		}
		p.Figures = append(p.Figures, line)
	}
	var err error
	if p.Together, err = together(results); err != nil {
		return err
	}
	for _, r := range results {
		s, err := sectionOf(r)
		if err != nil {
			return err
		}
		p.Each = append(p.Each, s)
	}
	return pageTemplate.Execute(w, p)
}

// together plots what is compared between the policies.
func together(results []*simulator.Result) ([]plot, error) {
	var costs, waits []curve
	longest := results[0]
	for _, r := range results {
		sum, spent := 0.0, make([]float64, len(r.Timeline.USDPerHour))
		for i, rate := range r.Timeline.USDPerHour {
			sum += rate * r.Timeline.StepSeconds / 3600
			spent[i] = sum
		}
		costs = append(costs, curve{r.Policy, spent})
		waits = append(waits, curve{r.Policy, r.Waits})
		if r.Timeline.StepSeconds > longest.Timeline.StepSeconds {
			longest = r
		}
	}
	for i, r := range results { // steps of one length for all
		costs[i].values = coarser(costs[i].values, longest.Timeline.StepSeconds/r.Timeline.StepSeconds)
	}
	cost, err := lines("cost over time", costs, false, moments(longest), func(v float64) string { return "$" + plain(v) })
	if err != nil {
		return nil, err
	}
	wait, err := lines("waiting", waits, false, func(i int) string { return strconv.Itoa(i) + " %" }, span)
	if err != nil {
		return nil, err
	}
	return []plot{
		{"Cost", "Dollars spent until then: what hosts cost by the second, without the minimum of short ones.", cost},
		{"Waiting", "How long jobs waited from when they could start until their container ran: that part of them waited no longer.", wait},
	}, nil
}

// coarser takes each n-th of cumulated values.
func coarser(values []float64, n float64) []float64 {
	if n <= 1 {
		return values
	}
	var out []float64
	for at := n - 1; int(at) < len(values); at += n {
		out = append(out, values[int(at)])
	}
	if len(values) > 0 {
		out = append(out, values[len(values)-1])
	}
	return out
}

// moments names the steps of a result's timeline.
func moments(r *simulator.Result) func(int) string {
	return func(i int) string { return span(float64(i) * r.Timeline.StepSeconds) }
}

func sectionOf(r *simulator.Result) (section, error) {
	s := section{Name: r.Policy, Notes: r.Notes}
	capacity, err := lines("capacity and demand of "+r.Policy, []curve{
		{"vCPUs of hosts", r.Timeline.VCPUs}, {"used by jobs", r.Timeline.UsedVCPUs}, {"waiting", r.Timeline.WaitingVCPUs},
	}, true, moments(r), plain)
	if err != nil {
		return s, err
	}
	s.Plots = append(s.Plots, plot{"Capacity and demand", "vCPUs that hosts have, that running jobs use, and that jobs wait for.", capacity})
	rate, err := lines("dollars per hour of "+r.Policy, []curve{{"$ per hour", r.Timeline.USDPerHour}}, true, moments(r),
		func(v float64) string { return "$" + plain(v) })
	if err != nil {
		return s, err
	}
	s.Plots = append(s.Plots, plot{"Dollars per hour", "What the hosts that are up cost.", rate})
	timeline, types, err := hostTimeline(r)
	if err != nil {
		return s, err
	}
	if timeline != "" {
		note := fmt.Sprintf("The first %d of %s hosts, each from its launch to its end; pale while it boots.",
			min(maxRows, len(r.Spans)), count(r.Hosts))
		s.Plots = append(s.Plots, plot{"Hosts", note, timeline})
	}
	for i, name := range types {
		if i == len(inks)-1 && len(r.ByType) > len(inks) {
			name += " and others"
		}
		s.Legend = append(s.Legend, legend{i + 1, name})
	}
	for _, use := range topTypes(r) {
		s.Hosts = append(s.Hosts, row{use.Type, []string{count(use.Hosts), fmt.Sprintf("%.1f", use.Hours), usd(use.USD)}})
	}
	for _, q := range r.Queues {
		s.Queues = append(s.Queues, row{q.Queue, []string{count(q.Jobs), usd(q.USD), usd(q.USDPerJob), span(q.Wait.P50), span(q.Wait.P99)}})
	}
	return s, nil
}
