package main

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// benchImage is an image of our own binary, made with docker import.
const benchImage = "packhorse-bench:latest"

// dockerLatency compares the time from SubmitJob to RUNNING with plain docker run of
// the same image, in turn.
func dockerLatency(ctx context.Context, b *bench) error {
	if err := exec.CommandContext(ctx, "docker", "info").Run(); err != nil {
		fmt.Println("skipped: no Docker Engine answers")
		return nil
	}
	if err := b.importImage(ctx); err != nil {
		return err
	}
	s, err := b.start(ctx, filepath.Join(b.dir, "docker"), "--runtime", "docker")
	if err != nil {
		return err
	}
	defer s.stop()
	if err := define(ctx, s.client, "bench", benchImage, "/packhorse", "--version"); err != nil {
		return err
	}
	var ours, theirs []time.Duration
	for i := range max(5, b.n(30)-8) {
		plainRun, err := dockerRun(ctx)
		if err != nil {
			return err
		}
		took, err := s.untilRunning(ctx, i)
		if err != nil {
			return err
		}
		if err := quiet(ctx); err != nil {
			return err
		}
		if i == 0 {
			continue // the first launches the host and warms the engine
		}
		theirs, ours = append(theirs, plainRun), append(ours, took)
	}
	over := percentile(ours, 0.5) - percentile(theirs, 0.5)
	b.report("docker run -d of a small image, median", percentile(theirs, 0.5).Round(time.Millisecond).String(), "", true)
	b.report("SubmitJob to RUNNING, median", percentile(ours, 0.5).Round(time.Millisecond).String(), "", true)
	b.report("  over plain docker run", over.Round(time.Millisecond).String(), "<= 50ms", over <= 50*time.Millisecond)
	return nil
}

// dockerRun returns how long plain docker run takes, and cleans up after it: the
// engine removes one container at the expense of starting the next.
func dockerRun(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	out, err := exec.CommandContext(ctx, "docker", "run", "-d", benchImage, "/packhorse", "--version").Output()
	took := time.Since(begin)
	if err != nil {
		return 0, fmt.Errorf("docker run: %w", err)
	}
	id := strings.TrimSpace(string(out))
	for _, args := range [][]string{{"wait", id}, {"rm", id}} {
		if out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("docker %s: %w: %s", args[0], err, out)
		}
	}
	return took, nil
}

// quiet waits until the container of the last job is removed.
func quiet(ctx context.Context) error {
	for ctx.Err() == nil {
		out, err := exec.CommandContext(ctx, "docker", "ps", "-aq", "--filter", "ancestor="+benchImage).Output()
		if err != nil {
			return fmt.Errorf("docker ps: %w", err)
		}
		if len(strings.TrimSpace(string(out))) == 0 {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ctx.Err()
}

// untilRunning submits a job and returns the time from the call to its startedAt.
func (s *server) untilRunning(ctx context.Context, i int) (time.Duration, error) {
	begin := time.Now()
	out, err := s.client.SubmitJob(ctx, plain(i))
	if err != nil {
		return 0, err
	}
	for {
		jobs, err := s.client.DescribeJobs(ctx, &awsbatch.DescribeJobsInput{Jobs: []string{*out.JobId}})
		if err != nil {
			return 0, err
		}
		if j := jobs.Jobs[0]; j.StartedAt != nil && (j.Status == types.JobStatusRunning || j.StoppedAt != nil) {
			seen := time.Since(begin)
			return seen, s.untilDone(ctx, *out.JobId)
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *server) untilDone(ctx context.Context, id string) error {
	for ctx.Err() == nil {
		jobs, err := s.client.DescribeJobs(ctx, &awsbatch.DescribeJobsInput{Jobs: []string{id}})
		if err != nil {
			return err
		}
		switch j := jobs.Jobs[0]; j.Status {
		case types.JobStatusSucceeded:
			return nil
		case types.JobStatusFailed:
			return fmt.Errorf("job %s failed: %s", id, aws.ToString(j.StatusReason))
		}
		time.Sleep(5 * time.Millisecond)
	}
	return ctx.Err()
}

// importImage makes an image that has nothing but our binary.
func (b *bench) importImage(ctx context.Context) error {
	binary, err := os.ReadFile(b.binary)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "packhorse", Mode: 0o755, Size: int64(len(binary))}); err != nil {
		return err
	}
	if _, err := w.Write(binary); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "docker", "import", "-", benchImage)
	cmd.Stdin = &archive
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("docker import: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// processRate runs many short plain processes.
func processRate(ctx context.Context, b *bench) error {
	s, err := b.start(ctx, filepath.Join(b.dir, "process"), "--runtime", "process")
	if err != nil {
		return err
	}
	defer s.stop()
	if err := define(ctx, s.client, "bench", "busybox", "true"); err != nil {
		return err
	}
	n := b.n(1000)
	begin := time.Now()
	if _, _, err := submitAll(ctx, s.client, n, plain); err != nil {
		return err
	}
	for done := 0; done < n; {
		time.Sleep(10 * time.Millisecond)
		if done, err = s.count(ctx, types.JobStatusSucceeded); err != nil {
			return err
		}
		failed, err := s.count(ctx, types.JobStatusFailed)
		if err != nil {
			return err
		}
		if failed > 0 {
			return fmt.Errorf("%d of the jobs failed", failed)
		}
	}
	ours := float64(n) / time.Since(begin).Seconds()
	begin = time.Now()
	for range n {
		if err := exec.CommandContext(ctx, "true").Run(); err != nil {
			return err
		}
	}
	bare := float64(n) / time.Since(begin).Seconds()
	b.report("1,000 jobs of the command true, submit to SUCCEEDED", fmt.Sprintf("%.0f jobs/s", ours), ">= 200 jobs/s", ours >= 200)
	b.report("  against bare fork and exec, one after the other", fmt.Sprintf("%.2f x of %.0f/s", ours/bare, bare), "", true)
	return nil
}

// count returns how many jobs of the default queue are in a status.
func (s *server) count(ctx context.Context, status types.JobStatus) (int, error) {
	n := 0
	pages := awsbatch.NewListJobsPaginator(s.client, &awsbatch.ListJobsInput{
		JobQueue: aws.String("default"), JobStatus: status, MaxResults: aws.Int32(1000),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		n += len(page.JobSummaryList)
	}
	return n, nil
}

// idleCPU measures a server that has nothing to do but a queue, a host and finished
// jobs.
func idleCPU(ctx context.Context, b *bench) error {
	s, err := b.start(ctx, filepath.Join(b.dir, "idle"), "--runtime", "process")
	if err != nil {
		return err
	}
	defer s.stop()
	if err := define(ctx, s.client, "bench", "busybox", "true"); err != nil {
		return err
	}
	for i := range 20 {
		if _, err := s.untilRunning(ctx, i); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	before, err := s.cpu()
	if err != nil {
		return err
	}
	const window = 20 * time.Second
	time.Sleep(window)
	after, err := s.cpu()
	if err != nil {
		return err
	}
	share := float64(after-before) / float64(window) * 100
	b.report("CPU of an idle server over 20 s", fmt.Sprintf("%.2f %%", share), "<= 0.1 %", share <= 0.1)
	return nil
}
