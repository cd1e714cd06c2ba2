package functions

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/internal/cli"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
	"github.com/packhorse-batch/packhorse/localstack/stage"
)

// packhorse is the command line against the door, and what it prints.
func (r *installation) packhorse(args ...string) string {
	r.Helper()
	var out, notes bytes.Buffer
	app := cli.NewApp()
	app.Out, app.Err = cli.Stream{Writer: &out}, cli.Stream{Writer: &notes}
	app.Env = func(name string) string {
		return map[string]string{
			"AWS_ENDPOINT_URL_BATCH": r.URL, "AWS_REGION": stage.Region, "AWS_ACCESS_KEY_ID": stage.AdminID, "AWS_SECRET_ACCESS_KEY": stage.AdminSecret,
		}[name]
	}
	app.Pause = func(ctx context.Context, _ time.Duration) error {
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
		return ctx.Err()
	}
	if code := app.Run(r.Context(), args); code != 0 {
		r.Fatalf("packhorse %s: exit %d\n%s%s", strings.Join(args, " "), code, out.String(), notes.String())
	}
	return out.String()
}

// What jobs print is read with the key of the installation alone, as on a laptop.
func TestTheCommandLineReadsTheLogsOfAnInstallation(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", stage.AdminID) // the SDK's own chain looks there
	t.Setenv("AWS_SECRET_ACCESS_KEY", stage.AdminSecret)
	r := newRegion(t, fakeaws.Options{Seed: 1})
	r.furnish()
	client := r.patient()
	r.define(client, "speaks", "1", "512", false, "echo one; echo two")
	out, err := client.SubmitJob(t.Context(), &batch.SubmitJobInput{
		JobName: aws.String("j"), JobQueue: aws.String("ec2"), JobDefinition: aws.String("speaks"),
	})
	r.must(err)
	if got := r.packhorse("logs", "-f", *out.JobId); got != "one\ntwo\n" {
		t.Errorf("packhorse logs -f prints %q, want both lines", got)
	}
	if got := r.packhorse("logs", *out.JobId, "--tail", "1"); got != "two\n" {
		t.Errorf("packhorse logs --tail 1 prints %q, want the last line", got)
	}
}
