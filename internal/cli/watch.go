package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// watch shows a picture again and again until the user interrupts. On a terminal each
// takes the place of the one before; elsewhere a picture is printed only when it differs
// from the last one. A server that goes away and comes back does not end it.
func (a *App) watch(ctx context.Context, every time.Duration, picture func() (string, error)) error {
	patience := a.newPatience()
	last := ""
	wipe := "\x1b[2J" // the whole screen, once
	for {
		now, err := picture()
		if err != nil {
			if err := patience.lost(err); err != nil {
				return err
			}
		} else {
			patience.found()
			switch {
			case a.Out.Terminal:
				// Home, and clear what was there: one write, so that nothing flickers.
				head := a.Out.paint(dim, fmt.Sprintf("Every %s, at %s; Ctrl-C ends.", every, a.Now().In(a.Zone).Format("15:04:05")))
				fmt.Fprint(a.Out, wipe+"\x1b[H"+clearing(fit(head+"\n\n"+now, a.Out.Height))+"\x1b[J")
				wipe = ""
			case now != last:
				if last != "" {
					fmt.Fprintln(a.Out)
				}
				fmt.Fprint(a.Out, now)
			}
			last = now
		}
		if err := a.Pause(ctx, every); err != nil {
			return err
		}
	}
}

// fit keeps a picture to the height of the screen: what scrolls off cannot be redrawn.
func fit(picture string, height int) string {
	all := strings.Split(strings.TrimSuffix(picture, "\n"), "\n")
	if height < 4 || len(all) < height {
		return picture
	}
	kept := height - 2 // a line for the note, and one for the cursor
	return strings.Join(all[:kept], "\n") + fmt.Sprintf("\n... and %d lines more\n", len(all)-kept)
}

// clearing makes each line wipe what was right of it.
func clearing(lines string) string { return strings.ReplaceAll(lines, "\n", "\x1b[K\n") }

// patience lets a command that follows something outlive a restart of the server.
type patience struct {
	app   *App
	limit time.Duration
	since time.Time // when the server was last lost; zero while it answers
	seen  bool      // it has answered once
}

// lostLimit is how long a command waits for a server that went away to come back.
const lostLimit = time.Minute

func (a *App) newPatience() *patience { return &patience{app: a, limit: lostLimit} }

func (p *patience) found() {
	if !p.since.IsZero() {
		fmt.Fprintf(p.app.Err, "The server at %s is back.\n", p.app.address())
	}
	p.seen, p.since = true, time.Time{}
}

// lost takes an error of a call. It returns nil if the server was there before and is
// only unreachable for now, and err if it never answered, has been away for too long,
// or did answer and said no.
func (p *patience) lost(err error) error {
	if !p.seen || !unreachable(err) {
		return err
	}
	now := p.app.Now()
	if p.since.IsZero() {
		p.since = now
		fmt.Fprintf(p.app.Err, "Lost the server at %s; waiting for it to come back.\n", p.app.address())
	}
	if now.Sub(p.since) > p.limit {
		return err
	}
	return nil
}

// unreachable reports whether err means that nobody answered.
func unreachable(err error) bool {
	var netErr net.Error
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.As(err, &netErr)
}
