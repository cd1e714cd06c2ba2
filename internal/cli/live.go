package cli

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// live is a status line at the bottom of a terminal that redraws itself, with lasting
// lines scrolling by above it. Where there is no terminal, only the lasting lines appear.
type live struct {
	out   Stream
	shown string // what is on the screen now
	frame int
}

// spinner turns while the program waits.
var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// set shows a status in place of the one before.
func (l *live) set(status string) {
	if !l.out.Terminal {
		return
	}
	line := spinner[l.frame%len(spinner)] + " " + oneLine(status)
	l.frame++
	if l.out.Width > 1 {
		line = text.Snip(line, l.out.Width-1, "…") // a full line would wrap, and could not be wiped
	}
	fmt.Fprint(l.out, "\r"+line+"\x1b[K")
	l.shown = line
}

// clear takes the status off the screen.
func (l *live) clear() {
	if l.shown != "" {
		fmt.Fprint(l.out, "\r\x1b[K")
		l.shown = ""
	}
}

// say prints a line that stays.
func (l *live) say(format string, args ...any) {
	l.clear()
	fmt.Fprintf(l.out, format+"\n", args...)
}

// bar draws how much of a whole is done, in width characters.
func bar(done, total, width int) string {
	filled := 0
	if total > 0 {
		filled = min(width, done*width/total)
	}
	return "[" + strings.Repeat("#", filled) + strings.Repeat("-", width-filled) + "]"
}
