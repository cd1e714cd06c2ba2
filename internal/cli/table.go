package cli

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// grid is a table for people: a line of headings, then one line for each row, columns
// two spaces apart. On a terminal that is too narrow the flexible columns give way, the
// widest first, down to minFlexible; in a pipe nothing is ever cut.
type grid struct {
	columns []column
	rows    [][]string
}

// column is a heading and how the column behaves.
type column struct {
	title string
	flex  bool // free text: may be cut to fit the terminal
	right bool // numbers
	state bool // status words, to be coloured
}

// minFlexible is the width, in characters, below which no column is cut.
const minFlexible = 12

// gap is the space between two columns.
const gap = 2

func (g *grid) row(cells ...string) { g.rows = append(g.rows, cells) }

// text lays the table out for s.
func (g *grid) text(s Stream) string {
	limits := g.limits(s.Width)
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", strings.Repeat(" ", gap)
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)

	header := make(table.Row, len(g.columns))
	configs := make([]table.ColumnConfig, len(g.columns))
	for i, c := range g.columns {
		header[i] = s.paint(bold, c.title)
		configs[i] = table.ColumnConfig{Number: i + 1}
		if c.right {
			configs[i].Align, configs[i].AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(configs)
	for _, row := range g.rows {
		cells := make(table.Row, len(g.columns))
		for i, c := range g.columns {
			cell := oneLine(row[i])
			if limits[i] > 0 {
				cell = text.Snip(cell, limits[i], "…")
			}
			if c.state {
				cell = s.state(cell)
			}
			cells[i] = cell
		}
		t.AppendRow(cells)
	}
	var b strings.Builder
	for line := range strings.Lines(t.Render()) {
		b.WriteString(strings.TrimRight(line, " \n"))
		b.WriteByte('\n')
	}
	return b.String()
}

// limits returns how wide each column may be; 0 means as wide as it likes.
func (g *grid) limits(width int) []int {
	limits := make([]int, len(g.columns))
	if width <= 0 {
		return limits
	}
	natural := make([]int, len(g.columns))
	total := gap * (len(g.columns) - 1)
	for i, c := range g.columns {
		natural[i] = text.StringWidth(c.title)
		for _, row := range g.rows {
			natural[i] = max(natural[i], text.StringWidth(oneLine(row[i])))
		}
		total += natural[i]
	}
	for total > width {
		widest := -1
		for i, c := range g.columns {
			if c.flex && natural[i] > minFlexible && (widest < 0 || natural[i] > natural[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break // nothing can give way: let the terminal wrap
		}
		natural[widest]--
		limits[widest] = natural[widest]
		total--
	}
	return limits
}

// facts is a list of "name: value" lines for people, values aligned. A value of several
// lines keeps its indent; an empty value is left out.
type facts struct {
	pairs [][2]string
}

func (f *facts) add(name, value string) {
	if value != "" {
		f.pairs = append(f.pairs, [2]string{name, value})
	}
}

func (f *facts) text(indent string) string {
	width := 0
	for _, p := range f.pairs {
		width = max(width, text.StringWidth(p[0]))
	}
	var b strings.Builder
	for _, p := range f.pairs {
		pad := strings.Repeat(" ", width-text.StringWidth(p[0]))
		value := strings.ReplaceAll(p[1], "\n", "\n"+indent+strings.Repeat(" ", width+3))
		b.WriteString(indent + p[0] + ":" + pad + "  " + value + "\n")
	}
	return b.String()
}

// indented puts the same space before each line.
func indented(indent, lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		b.WriteString(indent + line)
	}
	return b.String()
}
