package demo

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// shareBar is how wide the bar of the most used identifier is, in characters.
const shareBar = 24

// Text is the report as a table and a sentence of totals.
func (r Report) Text() string {
	if r.Identifiers == 0 {
		return fmt.Sprintf("There are no Go files in %s, so nothing was counted.\n", r.Label)
	}
	t := table.NewWriter()
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.SetColumnConfigs([]table.ColumnConfig{
		{Number: 1, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 3, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 4, Align: text.AlignRight, AlignHeader: text.AlignRight},
		{Number: 5, Align: text.AlignRight, AlignHeader: text.AlignRight},
	})
	t.AppendHeader(table.Row{"", "identifier", "times", "share", "in files"})
	for i, use := range r.Top {
		t.AppendRow(table.Row{
			i + 1, use.Identifier, comma(use.Times),
			fmt.Sprintf("%.1f %%", 100*float64(use.Times)/float64(r.Identifiers)), comma(use.Files),
			strings.Repeat("#", max(1, shareBar*use.Times/r.Top[0].Times)),
		})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "The %d most used identifiers in %s:\n\n", len(r.Top), r.Label)
	for line := range strings.Lines(t.Render()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	fmt.Fprintf(&b, "\n%s, %s, %s (%s different), %s.\n", number(r.Files, "file"), number(r.Lines, "line"),
		number(r.Identifiers, "identifier"), comma(r.Different), humanize.Bytes(uint64(r.Bytes)))
	fmt.Fprintf(&b, "Counted in %.1f s by %d jobs, which worked %.1f s together.\n", r.Took.Seconds(), r.Shards, r.Work.Seconds())
	return b.String()
}

func comma(n int) string { return humanize.Comma(int64(n)) }

func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return comma(n) + " " + noun + "s"
}
