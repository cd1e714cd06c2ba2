package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// callers is how many clients submit at once.
const callers = 16

// submitAll submits n jobs from several callers and returns the latencies.
func submitAll(ctx context.Context, c *awsbatch.Client, n int, in func(i int) *awsbatch.SubmitJobInput) ([]time.Duration, time.Duration, error) {
	latencies := make([]time.Duration, n)
	var next sync.Mutex
	at := 0
	errs := make(chan error, callers)
	start := time.Now()
	for range callers {
		go func() {
			for {
				next.Lock()
				i := at
				at++
				next.Unlock()
				if i >= n {
					errs <- nil
					return
				}
				begin := time.Now()
				if _, err := c.SubmitJob(ctx, in(i)); err != nil {
					errs <- err
					return
				}
				latencies[i] = time.Since(begin)
			}
		}()
	}
	var first error
	for range callers {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return latencies, time.Since(start), first
}

func percentile(d []time.Duration, p float64) time.Duration {
	s := slices.Clone(d)
	slices.Sort(s)
	return s[min(len(s)-1, int(p*float64(len(s))))]
}

func plain(i int) *awsbatch.SubmitJobInput {
	return &awsbatch.SubmitJobInput{
		JobName: aws.String("bench"), JobQueue: aws.String("default"), JobDefinition: aws.String("bench"),
		Parameters: map[string]string{"n": fmt.Sprint(i)},
	}
}

// held starts a server whose jobs wait.
func (b *bench) held(ctx context.Context, name string) (*server, error) {
	s, err := b.start(ctx, filepath.Join(b.dir, name), "--runtime", "process")
	if err != nil {
		return nil, err
	}
	if err := define(ctx, s.client, "bench", "busybox", "true"); err != nil {
		return nil, err
	}
	return s, holdEnvironment(ctx, s.client, types.CEStateDisabled)
}

func submitRate(ctx context.Context, b *bench) error {
	s, err := b.held(ctx, "submit")
	if err != nil {
		return err
	}
	defer s.stop()
	sync, err := syncRate(b.dir)
	if err != nil {
		return err
	}
	b.report("syncs of 8 KiB to this disk, one after the other", fmt.Sprintf("%.0f/s", sync), "", true)
	if _, _, err := submitAll(ctx, s.client, b.n(2000), plain); err != nil { // warm
		return err
	}
	latencies, took, err := submitAll(ctx, s.client, b.n(60000), plain)
	if err != nil {
		return err
	}
	rate := float64(len(latencies)) / took.Seconds()
	b.report("SubmitJob, 16 callers, durable, client on the same CPUs", fmt.Sprintf("%.0f jobs/s", rate), ">= 3000 jobs/s", rate >= 3000)
	b.report("  against one sync for each job", fmt.Sprintf("%.2f x", rate/sync), "", true)
	p99 := percentile(latencies, 0.99)
	b.report("  latency p50", percentile(latencies, 0.5).Round(10*time.Microsecond).String(), "", true)
	b.report("  latency p99", p99.Round(10*time.Microsecond).String(), "<= 50ms", p99 <= 50*time.Millisecond)
	return nil
}

// syncRate is how often a file can be synced in a second.
func syncRate(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	block := make([]byte, 8192)
	const times = 500
	start := time.Now()
	for range times {
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
	}
	return times / time.Since(start).Seconds(), nil
}

func arrayLatency(ctx context.Context, b *bench) error {
	s, err := b.held(ctx, "array")
	if err != nil {
		return err
	}
	defer s.stop()
	var single, array []time.Duration
	for i := range b.n(500) {
		for _, size := range []int32{0, 10000} {
			in := plain(i)
			if size > 0 {
				in.ArrayProperties = &types.ArrayProperties{Size: &size}
			}
			begin := time.Now()
			if _, err := s.client.SubmitJob(ctx, in); err != nil {
				return err
			}
			if took := time.Since(begin); size > 0 {
				array = append(array, took)
			} else {
				single = append(single, took)
			}
		}
	}
	ratio := float64(percentile(array, 0.5)) / float64(percentile(single, 0.5))
	b.report("an array of 10,000 against a single job, median latency",
		fmt.Sprintf("%.2f x (%s)", ratio, percentile(array, 0.5).Round(10*time.Microsecond)), "<= 2 x", ratio <= 2)
	return nil
}
