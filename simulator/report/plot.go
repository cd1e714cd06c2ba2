package report

import (
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-analyze/charts"

	"github.com/packhorse-batch/packhorse/simulator"
)

// Plots are drawn in colours that stand for a part of the page, and in the SVG each is
// replaced by that part's CSS variable: so one plot reads in dark and in light.
var (
	inkText = ink(1)
	inkAxis = ink(2)
	inkGrid = ink(3)
	// inks are those of series, hosts and queues.
	inks = []charts.Color{ink(11), ink(12), ink(13), ink(14), ink(15), ink(16), ink(17), ink(18)}
)

// ink is a colour that no theme has.
func ink(n uint8) charts.Color { return charts.Color{R: n, G: 254, B: 253, A: 255} }

// variables are the CSS variables of the inks.
var variables = func() *strings.Replacer {
	var pairs []string
	add := func(c charts.Color, name string) {
		for _, form := range []string{
			fmt.Sprintf("rgb(%d,%d,%d)", c.R, c.G, c.B), fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B), fmt.Sprintf("#%02X%02X%02X", c.R, c.G, c.B),
		} {
			pairs = append(pairs, form, "var(--"+name+")")
		}
	}
	add(inkText, "text")
	add(inkAxis, "axis")
	add(inkGrid, "grid")
	for i, c := range inks {
		add(c, "ink"+strconv.Itoa(i+1))
	}
	return strings.NewReplacer(pairs...)
}()

// pale are the inks where they are drawn with an opacity, as the SVG writes them.
var pale = regexp.MustCompile(`rgba\((\d+),254,253,([0-9.]+)\)`)

// seeThrough mixes pale inks with what is below them.
func seeThrough(svg string) string {
	return pale.ReplaceAllStringFunc(svg, func(found string) string {
		parts := pale.FindStringSubmatch(found)
		opacity, err := strconv.ParseFloat(parts[2], 64)
		if err != nil {
			return found
		}
		return fmt.Sprintf("color-mix(in srgb, rgb(%s,254,253) %.0f%%, transparent)", parts[1], 100*opacity)
	})
}

var theme = charts.MakeTheme(charts.ThemeOption{
	AxisStrokeColor: inkAxis, AxisSplitLineColor: inkGrid, BackgroundColor: charts.ColorTransparent,
	TextColor: inkText, SeriesColors: inks,
})

// The size of plots, in the units of their view box: the page scales them.
const (
	plotWidth  = 920
	plotHeight = 280
)

func newPainter(height int) *charts.Painter {
	return charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: plotWidth, Height: height, Theme: theme})
}

// svg is what a painter has drawn, made to scale with the page.
func svg(p *charts.Painter, height int, label string) (template.HTML, error) {
	raw, err := p.Bytes()
	if err != nil {
		return "", err
	}
	text := variables.Replace(seeThrough(string(raw)))
	_, inner, found := strings.Cut(text, ">")
	if !found {
		return "", fmt.Errorf("the plot %q is not SVG", label)
	}
	open := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		plotWidth, height, template.HTMLEscapeString(label))
	return template.HTML(open + inner), nil //nolint:gosec // drawn here, from numbers and escaped names
}

// curve is one line of a plot.
type curve struct {
	name   string
	values []float64
}

// lines plots curves over the same steps; label names the moment of a step.
func lines(title string, curves []curve, area bool, label func(i int) string, value func(float64) string) (template.HTML, error) {
	steps := 0
	for _, c := range curves {
		steps = max(steps, len(c.values))
	}
	if steps == 0 {
		return "", nil
	}
	values, names := make([][]float64, len(curves)), make([]string, len(curves))
	for i, c := range curves {
		names[i] = c.name
		values[i] = append([]float64(nil), c.values...)
		for len(values[i]) < steps {
			values[i] = append(values[i], charts.GetNullValue())
		}
		if len(values[i]) == 1 {
			values[i] = append(values[i], values[i][0])
		}
	}
	opt := charts.NewLineChartOptionWithData(values)
	opt.Theme = theme
	opt.Padding = charts.NewBox(10, 10, 20, 6)
	opt.Symbol = charts.Symbol{Shape: charts.SymbolNone}
	opt.LineStrokeWidth = 1.6
	if area {
		opt.FillArea, opt.FillOpacity = charts.Ptr(true), 40
	}
	opt.Legend = charts.LegendOption{SeriesNames: names, Show: charts.Ptr(len(curves) > 1)}
	opt.XAxis.Labels = make([]string, max(2, steps))
	for i := range opt.XAxis.Labels {
		opt.XAxis.Labels[i] = label(i)
	}
	opt.XAxis.LabelCount = 8
	opt.XAxis.BoundaryGap = charts.Ptr(false)
	top := 0.0
	for _, c := range curves {
		for _, v := range c.values {
			top = max(top, v)
		}
	}
	opt.YAxis[0].Min, opt.YAxis[0].Max = charts.Ptr(0.0), charts.Ptr(roundUp(top))
	opt.YAxis[0].LabelCount = 6
	opt.ValueFormatter = value
	p := newPainter(plotHeight)
	if err := p.LineChart(opt); err != nil {
		return "", fmt.Errorf("plot %q: %w", title, err)
	}
	return svg(p, plotHeight, title)
}

// roundUp returns the end of an axis: five steps of a round length that hold v.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 5
	}
	unit := math.Pow(10, math.Floor(math.Log10(v/5)))
	for _, step := range []float64{1, 2, 3, 4, 5, 6, 8, 10} {
		if 5*step*unit >= v {
			return 5 * step * unit
		}
	}
	return v
}

// plain writes the values of an axis.
func plain(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'g', 4, 64) + "M"
	case v >= 1e4:
		return strconv.FormatFloat(v/1e3, 'g', 4, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// maxRows is how many hosts the host timeline shows.
const maxRows = 120

// rowHeight and the margins are those of the host timeline.
const (
	rowHeight    = 5
	marginLeft   = 56
	marginRight  = 36
	marginTop    = 10
	marginBottom = 26
)

// hostTimeline draws the first hosts, one line each from launch to end: the boot pale, the
// rest in the colour of its type.
func hostTimeline(r *simulator.Result) (template.HTML, []string, error) {
	spans := r.Spans[:min(len(r.Spans), maxRows)]
	if len(spans) == 0 {
		return "", nil, nil
	}
	end, types := 0.0, []string{}
	colour := map[string]charts.Color{}
	for _, use := range r.ByType {
		// The dearest types have colours of their own, the others share the last.
		i := min(len(types), len(inks)-1)
		if colour[use.Type] = inks[i]; len(types) < len(inks) {
			types = append(types, use.Type)
		}
	}
	for _, s := range spans {
		end = max(end, s.Gone)
	}
	height := marginTop + rowHeight*len(spans) + marginBottom
	p := newPainter(height)
	width := float64(plotWidth - marginLeft - marginRight)
	x := func(seconds float64) int { return marginLeft + int(seconds/max(1, end)*width) }
	bottom := height - marginBottom
	style := charts.FontStyle{FontSize: 10, FontColor: inkText}
	const marks = 6
	for i := range marks + 1 {
		at := end * float64(i) / marks
		p.LineStroke([]charts.Point{{X: x(at), Y: marginTop}, {X: x(at), Y: bottom}}, inkGrid, 0.6)
		text := span(at)
		p.Text(text, x(at)-p.MeasureText(text, 0, style).Width()/2, height-8, 0, style)
	}
	p.Text("hosts", 8, marginTop+12, 0, style)
	for i, s := range spans {
		y := marginTop + i*rowHeight
		ready := s.Ready
		if ready == 0 {
			ready = s.Gone
		}
		pale := colour[s.Type].WithAlpha(90)
		p.FilledRect(x(s.Launched), y, max(x(ready), x(s.Launched)+1), y+rowHeight-1, pale, charts.ColorTransparent, 0)
		p.FilledRect(x(ready), y, max(x(s.Gone), x(ready)+1), y+rowHeight-1, colour[s.Type], charts.ColorTransparent, 0)
	}
	out, err := svg(p, height, "hosts from launch to end")
	return out, types, err
}
