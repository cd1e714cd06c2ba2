package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	domain "github.com/packhorse-batch/packhorse/batch"
)

// defaultFailures is how many dead letters are shown or tried again unless the command
// line says otherwise.
const defaultFailures = 100

// failuresQuery says which dead letters, and what to do with them.
type failuresQuery struct {
	ids            []string // only these; none is all
	trigger        string
	limit          int
	retry, discard bool
}

func (a *App) triggersFailuresCommand() *cobra.Command {
	var q failuresQuery
	var output outputFlag
	cmd := &cobra.Command{
		Use:     "failures [ID...]",
		Aliases: []string{"deadletters"},
		Short:   "List the events that made no job, or try them again",
		Long: `List the events for which no job could be submitted, the latest first, each with the
reason. They are kept for 14 days after they were last tried.

With --retry they are tried again, by their rules as these are now; what succeeds is
listed no more. With --discard they are given up. The exit code is 1 when a retry fails.`,
		Example: `  packhorse triggers failures
  packhorse triggers failures --trigger ingest --retry`,
		RunE: func(cmd *cobra.Command, args []string) error {
			form, err := output.choose()
			if err != nil {
				return err
			}
			q.ids = args
			switch {
			case q.retry && q.discard:
				return usage("--retry and --discard exclude each other")
			case q.limit < 1:
				return usage("--limit must be at least 1, got %d", q.limit)
			case q.discard && len(args) == 0 && q.trigger == "":
				return usage("--discard gives up events for good").hint("name them by their ids, or give --trigger for all of a rule")
			}
			return a.runFailures(cmd.Context(), q, form)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&q.trigger, "trigger", "", "only those of this trigger")
	fl.IntVar(&q.limit, "limit", defaultFailures, "at most this many")
	fl.BoolVar(&q.retry, "retry", false, "try them again")
	fl.BoolVar(&q.discard, "discard", false, "give them up")
	a.complete(cmd, "trigger", a.completeTriggers)
	output.add(cmd, asTable, asJSON, asID)
	return cmd
}

func (a *App) runFailures(ctx context.Context, q failuresQuery, form string) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	letters, more, err := a.chosenLetters(ctx, c, q)
	if err != nil {
		return err
	}
	if more {
		fmt.Fprintf(a.Err, "There are more than %d; --limit raises that.\n", q.limit)
	}
	switch {
	case q.retry:
		return a.retryLetters(ctx, c, letters, form)
	case q.discard:
		ids := make([]string, len(letters))
		for i, l := range letters {
			ids[i] = l.ID
		}
		return a.eachOf(ctx, ids, "given up", func(ctx context.Context, c *client, id string) error {
			return c.own(ctx, http.MethodDelete, deadLettersPath+"/"+url.PathEscape(id), nil, &struct{}{})
		})
	}
	return a.printLetters(letters, form)
}

// chosenLetters returns the dead letters that a query means.
func (a *App) chosenLetters(ctx context.Context, c *client, q failuresQuery) (letters []domain.DeadLetter, more bool, err error) {
	if len(q.ids) == 0 {
		return c.deadLetters(ctx, q.trigger, q.limit)
	}
	for _, id := range q.ids {
		var one domain.DeadLetter
		if err := c.own(ctx, http.MethodGet, deadLettersPath+"/"+url.PathEscape(id), nil, &one); err != nil {
			return nil, false, err
		}
		if q.trigger == "" || q.trigger == one.Trigger {
			letters = append(letters, one)
		}
	}
	return letters, false, nil
}

func (a *App) printLetters(letters []domain.DeadLetter, form string) error {
	switch form {
	case asJSON:
		return printJSON(a.Out, deadLetterList{DeadLetters: orEmpty(letters)})
	case asID:
		for _, l := range letters {
			fmt.Fprintln(a.Out, l.ID)
		}
		return nil
	}
	if len(letters) == 0 {
		fmt.Fprintln(a.Err, "No failures.")
		return nil
	}
	g := &grid{columns: []column{
		{title: "ID"}, {title: "TRIGGER"}, {title: "OBJECT", flex: true}, {title: "ATTEMPTS", right: true}, {title: "LAST", right: true}, {title: "REASON", flex: true},
	}}
	for _, l := range letters {
		trigger, object := l.Trigger, l.Event.URI()
		if l.Trigger == "" {
			trigger, object = "-", "(not readable)"
		}
		g.row(l.ID, trigger, object, strconv.Itoa(l.Attempts), a.ago(l.LastAt), l.Reason)
	}
	fmt.Fprint(a.Out, g.text(a.Out))
	return nil
}

// retryLetters tries each again, says what became of it, and goes on when one fails.
func (a *App) retryLetters(ctx context.Context, c *client, letters []domain.DeadLetter, form string) error {
	var made []domain.TriggeredJob
	failed := 0
	for _, l := range letters {
		var job domain.TriggeredJob
		if err := c.own(ctx, http.MethodPost, deadLettersPath+"/"+url.PathEscape(l.ID)+"/retry", nil, &job); err != nil {
			e := a.translate(err)
			fmt.Fprintf(a.Err, "%s %s: %s\n", a.Err.paint(red, "packhorse:"), l.ID, e.Message)
			failed++
			continue
		}
		made = append(made, job)
		switch form {
		case asTable:
			fmt.Fprintf(a.Out, "%s  %s  job %s\n", l.ID, job.Object, job.JobID)
		case asID:
			fmt.Fprintln(a.Out, job.JobID)
		}
	}
	if form == asJSON {
		if err := printJSON(a.Out, struct{ Jobs []domain.TriggeredJob }{orEmpty(made)}); err != nil {
			return err
		}
	}
	if form == asTable && len(letters) == 0 {
		fmt.Fprintln(a.Err, "No failures.")
	}
	if failed > 0 {
		return exit(ExitFailure)
	}
	return nil
}
