package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// runPlanQueue shows what the server would do now for a queue.
func (a *App) runPlanQueue(ctx context.Context, queue, form string) error {
	if strings.TrimSpace(queue) == "" {
		return usage("the name of the queue is empty").hint("`packhorse queues` lists them")
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	if c.target.endpoint == "" {
		return usage("AWS Batch makes no plans").hint("name a Packhorse server with --endpoint, or plan a job file with --jobs")
	}
	var plan batch.QueuePlan
	err = c.own(ctx, http.MethodGet, "/packhorse/v1/queues/"+url.PathEscape(shortName(queue))+"/plan", nil, &plan)
	if _, unknown := c.queueNames(ctx, []string{queue}); err != nil && unknown != nil {
		return unknown
	}
	if none := (*Error)(nil); errors.As(err, &none) {
		return &Error{Message: "this server makes no plans", Next: "use a newer one, or plan a job file with --jobs", Err: err}
	}
	if err != nil {
		return err
	}
	if form == asJSON {
		return printJSON(a.Out, plan)
	}
	fmt.Fprint(a.Out, a.queuePlanText(plan))
	return nil
}

// queuePlanText is the plan of a queue for people.
func (a *App) queuePlanText(p batch.QueuePlan) string {
	var b strings.Builder
	var sum facts
	name := p.Queue
	if p.State != "" && p.State != "ENABLED" {
		name += " (" + p.State + ": it takes no new jobs; those that wait go on)"
	}
	sum.add("Queue", name)
	jobs := strconv.Itoa(p.Jobs)
	if p.More {
		jobs = "the first " + jobs + "; further ones wait behind"
	}
	sum.add("Jobs that wait", jobs)
	sum.add("Start at once", strconv.Itoa(p.StartNow))
	b.WriteString(sum.text(""))
	for _, e := range p.Environments {
		fmt.Fprintf(&b, "\nEnvironment %s: %s ready, %d on the way\n", e.Environment, plural(e.Ready, "host"), e.Booting)
		if e.Waits == 0 {
			b.WriteString("  No job waits for a host here.\n")
			continue
		}
		var f facts
		f.add("Wait for a host", fmt.Sprintf("%s of all queues, of which %d go to hosts on their way", plural(e.Waits, "job"), e.OnBooting))
		if len(e.ForRoom) > 0 {
			f.add("Wait for room", forRoom(e.ForRoom))
		}
		if len(e.Hosts) > 0 {
			f.add("Cost", fmt.Sprintf("$%.4f per hour for the hosts to launch", e.UsdPerHour))
		}
		if e.LowerBoundUsdPerHour > 0 {
			f.add("Bound", fmt.Sprintf("$%.4f per hour: no hosts for these jobs cost less", e.LowerBoundUsdPerHour))
		}
		if len(e.Hosts) > 0 || e.OnBooting > 0 {
			f.add("Expected start", fmt.Sprintf("in %.0f s, when the hosts are ready", e.StartsInSeconds))
		}
		b.WriteString(f.text("  "))
		if len(e.Hosts) == 0 {
			continue
		}
		g := &grid{columns: []column{{title: "LAUNCH", right: true}, {title: "TYPE"}, {title: "USD/H EACH", right: true}, {title: "JOBS ON EACH", flex: true}}}
		for _, h := range e.Hosts[:min(len(e.Hosts), planRows)] {
			kind := h.Type
			if h.Market == "SPOT" {
				kind += " on Spot"
			}
			g.row(strconv.Itoa(h.Count), kind, fmt.Sprintf("%.4f", h.UsdPerHour), jobsOnEach(h.Jobs))
		}
		b.WriteString("\n" + g.text(a.Out))
		if more := len(e.Hosts) - planRows; more > 0 {
			fmt.Fprintf(&b, "… and %d more lines; -o json has all\n", more)
		}
	}
	if len(p.Waiting) > 0 {
		b.WriteString("\nWithout a host\n")
	}
	for _, w := range p.Waiting[:min(len(p.Waiting), planRows)] {
		fmt.Fprintf(&b, "  %s (%d): %s\n", w.JobId, w.Count, w.Reason)
	}
	if more := len(p.Waiting) - planRows; more > 0 {
		fmt.Fprintf(&b, "  … and %d more; -o json has all\n", more)
	}
	return b.String()
}

// forRoom says which jobs others are expected to leave room for, and until when they wait.
func forRoom(list []batch.JobsForRoom) string {
	total := 0
	var parts []string
	for i, r := range list {
		total += r.Count
		if i < planRows {
			parts = append(parts, fmt.Sprintf("%s until %s", jobsOf(r.PlannedJobs), r.Until.Time().Format("15:04:05Z")))
		}
	}
	if more := len(list) - planRows; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more kinds, which -o json has", more))
	}
	return fmt.Sprintf("%s that others are expected to leave room for: %s", plural(total, "job"), strings.Join(parts, "; "))
}

func jobsOnEach(jobs []batch.PlannedJobs) string {
	parts := make([]string, len(jobs))
	for i, j := range jobs {
		parts[i] = jobsOf(j)
	}
	return strings.Join(parts, "; ")
}

func jobsOf(j batch.PlannedJobs) string {
	text := fmt.Sprintf("%d × %g vCPU, %d MiB", j.Count, j.Vcpus, j.MemoryMiB)
	if j.Gpus > 0 {
		text += fmt.Sprintf(", %d GPU", j.Gpus)
	}
	return text
}
