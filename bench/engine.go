package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"golang.org/x/sync/errgroup"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute/sim"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store/bolt"
)

// simulated is a whole Packhorse in this process: a bbolt file and compute that is
// imitated in real time, with tasks that end as soon as they run.
type simulated struct {
	*home.Home
	table *bolt.Table
	sim   *sim.Backend
	stop  context.CancelFunc
	ended chan error
}

func simulate(ctx context.Context, path string) (*simulated, error) {
	table, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return nil, err
	}
	types := catalog.Default()
	s := &simulated{table: table, sim: sim.Start(sim.Config{
		CountOnly: true,
		Types: func(name string) (batch.Resources, bool) {
			t, ok := types.Lookup(name)
			return batch.Resources{MilliVCPU: int64(t.VCPUs) * 1000, MemoryMiB: int64(t.ECSMemoryMiB)}, ok
		},
	})}
	s.Home = home.New(home.Parts{
		Table: table, Compute: s.sim, Account: batch.Account{Region: "us-east-1", ID: "000000000000"},
		Now: time.Now, IdleWindow: time.Minute, TaskLookup: true, Alone: true,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if _, err := s.FirstStart(ctx); err != nil {
		return nil, err
	}
	_, err = s.RegisterJobDefinition(ctx, &awsbatch.RegisterJobDefinitionInput{
		JobDefinitionName: aws.String("bench"), Type: "container",
		ContainerProperties: container(),
	})
	return s, err
}

func container() *types.ContainerProperties {
	return &types.ContainerProperties{
		Image: aws.String("busybox"), Command: []string{"true"},
		ResourceRequirements: []types.ResourceRequirement{
			{Type: types.ResourceTypeVcpu, Value: aws.String("1")},
			{Type: types.ResourceTypeMemory, Value: aws.String("64")},
		},
	}
}

// run starts the passes.
func (s *simulated) run(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	s.ended = make(chan error, 1)
	go func() { s.ended <- s.Engine.Run(ctx) }()
}

func (s *simulated) close() error {
	if s.stop != nil {
		s.stop()
		<-s.ended //nolint:errcheck // it was stopped
	}
	if err := s.sim.Close(); err != nil {
		return err
	}
	return s.table.Close()
}

// fill submits n jobs through control, with many callers so that writes gather.
func (s *simulated) fill(ctx context.Context, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	const writers = 256
	for w := range writers {
		group.Go(func() error {
			for i := w; i < n; i += writers {
				if _, err := s.SubmitJob(ctx, plain(i)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// drained waits until n jobs have succeeded.
func (s *simulated) drained(ctx context.Context, n int) error {
	for ctx.Err() == nil {
		// The engine lets compute forget a task when its end is recorded.
		if l := s.sim.Ledger(); l.TasksStarted-l.TasksKnown >= n {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return ctx.Err()
}

// hold stops or starts dispatch by the state of the environment.
func (s *simulated) hold(ctx context.Context, state types.CEState) error {
	_, err := s.UpdateComputeEnvironment(ctx, &awsbatch.UpdateComputeEnvironmentInput{
		ComputeEnvironment: aws.String(home.FirstEnvironment), State: state,
	})
	return err
}

func engineRate(ctx context.Context, b *bench) error {
	rates := map[int]float64{}
	deep := b.n(1_000_000)
	for _, depth := range []int{1000, deep} {
		s, err := simulate(ctx, filepath.Join(b.dir, fmt.Sprintf("engine-%d.db", depth)))
		if err != nil {
			return err
		}
		rate, err := s.rate(ctx, depth, b.n(60_000))
		if err != nil {
			return err
		}
		rates[depth] = rate
		if err := s.close(); err != nil {
			return err
		}
	}
	b.report("submit to SUCCEEDED, 1,000 queued ahead", fmt.Sprintf("%.0f jobs/s", rates[1000]), ">= 5000 jobs/s", rates[1000] >= 5000)
	b.report(fmt.Sprintf("  with %d queued ahead", deep), fmt.Sprintf("%.0f jobs/s", rates[deep]), ">= 5000 jobs/s", rates[deep] >= 5000)
	ratio := rates[deep] / rates[1000]
	b.report("  deep against shallow", fmt.Sprintf("%.2f x", ratio), ">= 0.80 x", ratio >= 0.8)
	return nil
}

// rate queues depth jobs, then measures n jobs going through while n more arrive, so
// that the depth stays.
func (s *simulated) rate(ctx context.Context, depth, n int) (float64, error) {
	if err := s.hold(ctx, types.CEStateDisabled); err != nil {
		return 0, err
	}
	if err := s.fill(ctx, depth); err != nil {
		return 0, err
	}
	s.run(ctx)
	if err := s.hold(ctx, types.CEStateEnabled); err != nil {
		return 0, err
	}
	start := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.fill(ctx, n) })
	group.Go(func() error { return s.drained(ctx, n) })
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return float64(n) / time.Since(start).Seconds(), nil
}
