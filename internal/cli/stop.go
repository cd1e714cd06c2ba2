package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// jobIDs turns what was typed into the ids of jobs, each once. The word - stands for
// ids on standard input, separated by space: the output of `packhorse jobs -q`.
func (a *App) jobIDs(ctx context.Context, c *client, refs []string) ([]string, error) {
	var all []string
	for _, ref := range refs {
		if ref != "-" {
			all = append(all, ref)
			continue
		}
		words := bufio.NewScanner(a.In)
		words.Split(bufio.ScanWords)
		for words.Scan() {
			all = append(all, words.Text())
		}
		if err := words.Err(); err != nil {
			return nil, failure("cannot read standard input: %s", err)
		}
	}
	var names []string
	for _, ref := range all {
		names = append(names, shortName(ref))
	}
	known, err := c.jobsByID(ctx, names...)
	if err != nil {
		return nil, err
	}
	var ids []string
	seen := map[string]bool{}
	for _, name := range names {
		id := name
		if _, ok := known[name]; !ok {
			j, err := a.job(ctx, c, name)
			if err != nil {
				return nil, err
			}
			id = aws.ToString(j.JobId)
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// maxReason is the longest reason that the service takes.
const maxReason = 1024

// stop asks for the end of each job with ask, and goes on when one is refused. spared
// names a status in which the request would be accepted and do nothing.
func (a *App) stop(ctx context.Context, refs []string, reason, did string, spared func(types.JobStatus) string, ask func(c *client, id string) error) error {
	if len(reason) > maxReason {
		return usage("--reason is longer than %d characters", maxReason)
	}
	if strings.TrimSpace(reason) == "" {
		return usage("--reason must not be empty")
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	ids, err := a.jobIDs(ctx, c, refs)
	if err != nil {
		return err
	}
	jobs, err := c.jobsByID(ctx, ids...)
	if err != nil {
		return err
	}
	failed := 0
	for _, id := range ids {
		j := jobs[id]
		if why := spared(j.Status); why != "" {
			fmt.Fprintf(a.Out, "%s  %s\n", id, why)
			if !ended(j.Status) {
				failed++
			}
			continue
		}
		if err := ask(c, id); err != nil {
			e := a.translate(err)
			fmt.Fprintf(a.Err, "%s %s: %s\n", a.Err.paint(red, "packhorse:"), id, e.Message)
			failed++
			continue
		}
		fmt.Fprintf(a.Out, "%s  %s\n", id, did)
	}
	if failed > 0 {
		return exit(ExitFailure)
	}
	return nil
}
