package play

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/jedib0t/go-pretty/v6/text"
)

// board shows how the jobs of a run do: on a terminal in lines that are drawn over,
// elsewhere as a line for each change.
type board struct {
	screen Screen
	drawn  int // lines on the terminal that are ours
	frame  int
	told   map[string]string // the last line of each job, off a terminal
}

// spinner turns beside what is under way.
var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

func (b *board) show(lines []line) {
	if b.screen.Terminal {
		b.draw(lines)
	} else {
		b.tell(lines)
	}
}

// widest is the longest status, SUCCEEDED; names of jobs are padded to nameWidth.
const (
	widest    = len("SUCCEEDED")
	nameWidth = len("count")
)

// draw draws the lines over those that were drawn before.
func (b *board) draw(lines []line) {
	var out strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", b.drawn)
	}
	for _, l := range lines {
		mark := map[types.JobStatus]string{types.JobStatusSucceeded: "✓", types.JobStatusFailed: "✗"}[l.status]
		if mark == "" {
			mark = spinner[b.frame%len(spinner)]
		}
		took := fmt.Sprintf("%5.1fs", l.took.Seconds())
		rest := fmt.Sprintf("  %s  %s", took, oneLine(l.detail))
		if b.screen.Width > 0 {
			// A full line would wrap, and could not be drawn over.
			rest = text.Snip(rest, max(1, b.screen.Width-1-(2+nameWidth+2+widest)), "…")
		}
		fmt.Fprintf(&out, "\r%s %-*s  %s%s\x1b[K\n", b.paint(l.status, mark), nameWidth, l.name,
			b.paint(l.status, fmt.Sprintf("%-*s", widest, l.status)), strings.TrimRight(rest, " "))
	}
	b.drawn = len(lines)
	b.frame++
	fmt.Fprint(b.screen, out.String())
}

// tell prints the lines that say something new.
func (b *board) tell(lines []line) {
	if b.told == nil {
		b.told = map[string]string{}
	}
	for _, l := range lines {
		now := fmt.Sprintf("%-*s  %s", nameWidth, l.name, l.status)
		if l.detail != "" {
			now += "  " + oneLine(l.detail)
		}
		if b.told[l.name] != now {
			b.told[l.name] = now
			fmt.Fprintln(b.screen, now)
		}
	}
}

// paint colours by what a status means to the reader: green is fine, red needs
// attention, cyan is under way, yellow waits. SGR parameters.
func (b *board) paint(s types.JobStatus, word string) string {
	if !b.screen.Colour {
		return word
	}
	colour := "33"
	switch s {
	case types.JobStatusSucceeded:
		colour = "32"
	case types.JobStatusFailed:
		colour = "31"
	case types.JobStatusRunning, types.JobStatusStarting:
		colour = "36"
	}
	return "\x1b[" + colour + "m" + word + "\x1b[0m"
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
