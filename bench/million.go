package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// million fills the store file of a server with jobs that wait, then starts the
// server on it.
func million(ctx context.Context, b *bench) error {
	n := b.n(1_000_000)
	data := filepath.Join(b.dir, "million")
	first, err := b.held(ctx, "million")
	if err != nil {
		return err
	}
	begin := time.Now()
	if _, _, err := submitAll(ctx, first.client, n, plain); err != nil {
		return err
	}
	took := time.Since(begin)
	resident, err := first.status("VmRSS")
	if err != nil {
		return err
	}
	b.report(fmt.Sprintf("%d jobs submitted over the wire", n), fmt.Sprintf("%.0f jobs/s", float64(n)/took.Seconds()), "", true)
	b.report("  resident with all of them queued", fmt.Sprintf("%d MiB", resident/1024), "< 1024 MiB", resident < 1<<20)
	if err := first.stop(); err != nil {
		return err
	}
	begin = time.Now()
	second, err := b.start(ctx, data, "--runtime", "process")
	if err != nil {
		return err
	}
	defer second.stop()
	out, err := second.client.ListJobs(ctx, &awsbatch.ListJobsInput{
		JobQueue: aws.String("default"), JobStatus: types.JobStatusRunnable, MaxResults: aws.Int32(1000),
	})
	if err != nil {
		return err
	}
	started := time.Since(begin)
	if len(out.JobSummaryList) == 0 {
		return fmt.Errorf("the server that was started again lists no job")
	}
	b.report("  start with that file, to the first list of 1,000", started.Round(time.Millisecond).String(), "< 5s", started < 5*time.Second)
	time.Sleep(2 * time.Second) // the sweep of the start
	if resident, err = second.status("VmRSS"); err != nil {
		return err
	}
	b.report("  resident after the start", fmt.Sprintf("%d MiB", resident/1024), "< 1024 MiB", resident < 1<<20)
	return nil
}
