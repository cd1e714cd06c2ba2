package cli

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// Stream is somewhere to write, and what it can show.
type Stream struct {
	io.Writer
	Terminal bool // lines may be redrawn
	Colour   bool
	Width    int // columns; 0 means no limit, as in a file or a pipe
	Height   int // lines; the same
}

// fileStream looks at f: a terminal has a width, and colours unless NO_COLOR is set
// (https://no-color.org) or TERM is dumb. COLUMNS overrides the width that the
// terminal reports.
func fileStream(f *os.File, env func(string) string) Stream {
	s := Stream{Writer: f}
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return s
	}
	dumb := env("TERM") == "dumb"
	s.Terminal = !dumb
	s.Colour = !dumb && env("NO_COLOR") == ""
	if w, h, err := term.GetSize(fd); err == nil {
		s.Width, s.Height = w, h
	}
	if w, err := strconv.Atoi(env("COLUMNS")); err == nil && w > 0 {
		s.Width = w
	}
	return s
}

// The colours in use, as SGR parameters.
const (
	plain  = ""
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

// paint returns text in colour c, or as it is where colours are off.
func (s Stream) paint(c, text string) string {
	if !s.Colour || c == plain || text == "" {
		return text
	}
	return "\x1b[" + c + "m" + text + "\x1b[0m"
}

// state paints a status or state word by what it means to the reader: green is fine,
// red needs attention, yellow waits, cyan is under way.
func (s Stream) state(word string) string {
	switch word {
	case "SUCCEEDED", "VALID", "ENABLED", "ACTIVE":
		return s.paint(green, word)
	case "FAILED", "INVALID":
		return s.paint(red, word)
	case "RUNNING", "STARTING":
		return s.paint(cyan, word)
	case "SUBMITTED", "PENDING", "RUNNABLE", "CREATING", "UPDATING", "DELETING":
		return s.paint(yellow, word)
	case "DISABLED", "INACTIVE", "DELETED":
		return s.paint(dim, word)
	}
	return word
}
