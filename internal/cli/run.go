package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"
)

func (a *App) runCommand() *cobra.Command {
	var f submitFlags
	var terminate, timestamps bool
	cmd := &cobra.Command{
		Use:   "run [flags] [-- COMMAND...]",
		Short: "Submit a job, show its progress and its log, and exit as it does",
		Long: `Submit a job as "submit" does, say what it waits for, print its log as it grows,
and exit with the exit code of its container: 0 when it SUCCEEDED, 1 when it FAILED
without an exit code. The log goes to standard output, all else to standard error.

Ctrl-C leaves the job alone: run ends with 130 and says how to follow the job again.
With --terminate-on-interrupt the first Ctrl-C terminates the job and run waits for
its end; the second leaves it.`,
		Example: `  packhorse run --image alpine -- sh -c 'echo hello; exit 3'
  packhorse run --definition align --array 8 --terminate-on-interrupt`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := f.request(a, cmd, args)
			if err != nil {
				return err
			}
			c, err := a.connect(cmd.Context())
			if err != nil {
				return err
			}
			out, err := a.submit(cmd.Context(), c, in, f.image)
			if err != nil {
				return err
			}
			r := &runner{app: a, c: c, id: aws.ToString(out.JobId), terminate: terminate, screen: live{out: a.Err}}
			r.log = follower{
				app: a, c: c, timestamps: timestamps,
				print: func(line string) { r.screen.clear(); fmt.Fprintln(a.Out, line) },
				note:  func(line string) { r.screen.say("%s", line) },
			}
			r.screen.say("Submitted %s to queue %s as job %s.", aws.ToString(out.JobName), shortName(aws.ToString(in.JobQueue)), r.id)
			return r.follow(cmd.Context())
		},
	}
	f.add(a, cmd)
	cmd.Flags().BoolVar(&terminate, "terminate-on-interrupt", false, "terminate the job at the first Ctrl-C")
	cmd.Flags().BoolVar(&timestamps, "timestamps", false, "put the time before each line of the log")
	return cmd
}

// runner follows one job to its end.
type runner struct {
	app       *App
	c         *client
	id        string
	terminate bool // at the first interrupt

	screen      live
	log         follower
	terminating atomic.Bool // an interrupt asked for the job's end
	told        string      // the last state that was told as a line
}

// errDetached is why a run ends that the user leaves.
var errDetached = errors.New("interrupted")

// settlePolls is how many more times the log is read after the end of a job on AWS,
// where the last lines arrive some seconds late.
const settlePolls = 3

// logsComeLate reports whether logs may be in CloudWatch Logs: those of AWS, and those of a
// deployment in an account, which is on no machine of ours.
func (t target) logsComeLate() bool {
	u, err := url.Parse(t.endpoint)
	return t.endpoint == "" || err == nil && !loopback(u.Hostname())
}

// maxMissed is how many looks in a row may not find a job that was just submitted.
const maxMissed = 10

func (r *runner) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	signals, stop := r.app.Interrupts()
	defer stop()
	go func() {
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			if n > 0 || !r.terminate {
				cancel(errDetached)
				return
			}
			r.terminating.Store(true)
			// If this fails the job goes on, the loop below shows it, and the next
			// interrupt leaves.
			_, _ = r.c.batch.TerminateJob(ctx, &batch.TerminateJobInput{JobId: aws.String(r.id), Reason: aws.String("Interrupted at packhorse run.")})
		}
	}()

	j, err := r.toTheEnd(ctx)
	r.screen.clear()
	if err != nil {
		if errors.Is(context.Cause(ctx), errDetached) {
			return &Error{
				Message: "left job " + r.id + ", which goes on",
				Next:    fmt.Sprintf("`packhorse logs -f %s` follows it, `packhorse terminate %s` stops it", r.id, r.id),
				Exit:    ExitInterrupted,
			}
		}
		return err
	}
	return r.verdict(j)
}

// toTheEnd looks at the job again and again, and returns it when it has ended.
func (r *runner) toTheEnd(ctx context.Context) (types.JobDetail, error) {
	patience := r.app.newPatience()
	saidTerminating := false
	missed := 0
	for settle := 0; ; {
		j, ok, err := r.look(ctx)
		switch {
		case err != nil:
			if err := patience.lost(err); err != nil {
				return j, err
			}
		case !ok: // on AWS a job may take a moment to be seen after it was submitted
			if missed++; missed > maxMissed {
				return j, jobNotFound(r.id)
			}
		default:
			patience.found()
		}
		if r.terminating.Load() && !saidTerminating {
			saidTerminating = true
			r.screen.say("Terminating job %s; Ctrl-C again leaves it.", r.id)
		}
		if err == nil && ok && ended(j.Status) {
			if !r.c.target.logsComeLate() || settle == settlePolls || len(streamsOf(j)) == 0 {
				return j, nil
			}
			settle++
		}
		if err := r.app.Pause(ctx, r.c.poll()); err != nil {
			return j, err
		}
	}
}

// look fetches the job, shows its state, and prints what is new in its log. The log is
// read after the state: when the job has ended, nothing can come after what is read.
func (r *runner) look(ctx context.Context) (j types.JobDetail, ok bool, err error) {
	found, err := r.c.jobsByID(ctx, r.id)
	if err != nil {
		return j, false, err
	}
	if j, ok = found[r.id]; !ok {
		return j, false, nil
	}
	r.show(j)
	if otherDriver(j) == "" {
		if _, err := r.log.read(ctx, j); err != nil {
			return j, true, err
		}
	}
	return j, true, nil
}

// show tells the state of the job: in the live line on a terminal, as a line of its own
// each time it changes elsewhere.
func (r *runner) show(j types.JobDetail) {
	if ended(j.Status) {
		return // the verdict says it
	}
	what, why := string(j.Status), aws.ToString(j.StatusReason)
	if p := j.ArrayProperties; isArray(j) {
		if counts := countsText(p.StatusSummary); counts != "" {
			done := int(p.StatusSummary["SUCCEEDED"] + p.StatusSummary["FAILED"])
			what, why = fmt.Sprintf("%s %d/%d ended", bar(done, int(*p.Size), 20), done, *p.Size), counts
		}
	}
	if r.screen.out.Terminal {
		r.screen.set(joinReasons(what+" "+r.app.since(moment(j.CreatedAt)), why))
		return
	}
	if line := joinReasons(what, why); line != r.told {
		r.told = line
		r.screen.say("%s", line)
	}
}

// verdict says how the job ended, and returns that as an exit code.
func (r *runner) verdict(j types.JobDetail) error {
	e := r.app.Err
	took := ""
	if from, to := moment(j.StartedAt), moment(j.StoppedAt); !from.IsZero() && !to.IsZero() {
		took = " in " + exact(to.Sub(from))
	} else if made, to := moment(j.CreatedAt), moment(j.StoppedAt); isArray(j) && !to.IsZero() {
		took = " in " + exact(to.Sub(made))
	}
	if j.Status == types.JobStatusSucceeded {
		fmt.Fprintf(e, "Job %s %s%s.\n", r.id, e.state("SUCCEEDED"), took)
		return nil
	}
	code, has := exitCode(j)
	with := ""
	if has {
		with = fmt.Sprintf(" with exit code %d", code)
	}
	fmt.Fprintf(e, "Job %s %s%s%s: %s\n", r.id, e.state("FAILED"), with, took, firstOf(failureReason(j), "no reason given"))
	fmt.Fprintf(e, "%s `packhorse explain %s`\n", e.paint(bold, "next:"), r.id)
	if !has || code == 0 {
		code = ExitFailure
	}
	return exit(code)
}

// exitCode is that of the job's container; of several containers, the first that is not
// zero. A job that never ran or lost its host has none.
func exitCode(j types.JobDetail) (code int, ok bool) {
	if j.Container != nil && j.Container.ExitCode != nil {
		return int(*j.Container.ExitCode), true
	}
	if j.EcsProperties != nil {
		for _, task := range j.EcsProperties.TaskProperties {
			for _, c := range task.Containers {
				if c.ExitCode != nil && !(ok && code != 0) {
					code, ok = int(*c.ExitCode), true
				}
			}
		}
	}
	return code, ok
}

// failureReason joins the reasons of a job and of its container.
func failureReason(j types.JobDetail) string {
	reason := aws.ToString(j.StatusReason)
	if j.Container != nil {
		if why := aws.ToString(j.Container.Reason); why != "" && why != reason {
			if reason == "" {
				return why
			}
			return reason + " (" + why + ")"
		}
	}
	return reason
}
