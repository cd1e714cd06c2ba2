package account

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute/amazon"
	"github.com/packhorse-batch/packhorse/compute/amazon/notebook"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

const (
	// speed is how much faster than life time runs: a minute takes 0.3 s.
	speed = 200
	// patience bounds each wait, in real time.
	patience = 40 * time.Second
	// step is how often a pass looks, in the account's time.
	step = 2 * time.Second
	// lives is how long a process that makes passes lives at most, in the account's time.
	lives = 5 * time.Minute
)

// clock runs ahead of life.
type clock struct{ began time.Time }

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func (c clock) passed() time.Duration { return time.Since(c.began) * speed }
func (c clock) now() time.Time        { return epoch.Add(c.passed()) }

// region is an AWS region with an installation in it.
type region struct {
	*testing.T
	clock clock
	cloud *fakeaws.Cloud
	table store.Table
	notes *notebook.Notebook
	door  *home.Home // what clients talk to
	work  sync.WaitGroup
	luck  *rand.Rand
}

func newRegion(t *testing.T, seed uint64) *region {
	t.Helper()
	r := &region{T: t, clock: clock{time.Now()}, table: mem.Open(), luck: rand.New(rand.NewPCG(seed, 1))}
	r.notes = notebook.New(r.clock.now)
	r.cloud = fakeaws.New(fakeaws.Options{
		Seed: seed, Speed: speed, Now: r.clock.now,
		BootTime: fakeaws.Between{Low: 20 * time.Second, High: time.Minute}, ShutdownTime: fakeaws.Exactly(20 * time.Second),
	})
	t.Cleanup(r.cloud.Close)
	_, r.door = r.process()
	return r
}

func (r *region) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// process is a process that knows nothing but the records.
func (r *region) process() (*amazon.Backend, *home.Home) {
	log := slog.Handler(slog.DiscardHandler)
	if os.Getenv("STORM_LOG") != "" {
		log = slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})
	}
	backend := amazon.Open(amazon.Options{
		EC2: r.cloud.EC2(), ECS: r.cloud.ECS(), SSM: r.cloud.SSM(), Memory: r.notes, Deployment: "storm", Region: r.cloud.Region(),
		InstanceProfile: "ecsInstanceRole", ExecutionRole: "arn:aws:iam::123456789012:role/execution", Now: r.clock.now, Log: slog.New(log),
	})
	return backend, home.New(home.Parts{
		Table: r.table, Compute: backend, Account: batch.Account{Region: r.cloud.Region(), ID: r.cloud.Account()},
		Now: r.clock.now, IdleWindow: 2 * time.Minute, ECS: true, Log: slog.New(log),
	})
}

// begin lets passes, sweeps and listeners begin; the function that is returned ends them.
func (r *region) begin() (end func()) {
	ctx, cancel := context.WithCancel(r.Context())
	r.cloud.Subscribe(func(e fakeaws.Event) {
		if ctx.Err() == nil {
			r.work.Go(func() { r.hear(ctx, e) })
		}
	})
	r.work.Go(func() { r.passes(ctx) })
	r.work.Go(func() {
		r.every(ctx, time.Minute, func() {
			_, h := r.process()
			_ = h.Engine.SweepOnce(ctx)
		})
	})
	end = sync.OnceFunc(func() { cancel(); r.work.Wait() })
	r.Cleanup(end)
	return end
}

// hear is what the function events does. What it cannot record is left to the sweep.
func (r *region) hear(ctx context.Context, e fakeaws.Event) {
	raw, err := json.Marshal(e)
	if err != nil {
		r.Error(err)
		return
	}
	backend, h := r.process()
	if news, err := backend.Hear(ctx, raw); err == nil {
		_ = h.Engine.Hear(ctx, news)
	}
}

// passes makes passes in one process after the other, which end at any moment.
func (r *region) passes(ctx context.Context) {
	for ctx.Err() == nil {
		life, end := context.WithTimeout(ctx, time.Duration(r.luck.Int64N(int64(lives)))/speed)
		_, h := r.process()
		r.every(life, step, func() { h.Engine.Turn(life) })
		end()
		_ = h.Engine.Hear(life, nil) // what it asked for comes to its end
	}
}

// every does something again and again, in the account's time.
func (r *region) every(ctx context.Context, d time.Duration, do func()) {
	ticker := time.NewTicker(d / speed)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			do()
		}
	}
}

// after does something when a while of the account's time has passed.
func (r *region) after(d time.Duration, do func()) {
	r.work.Go(func() {
		select {
		case <-r.Context().Done():
		case <-time.After(d / speed):
			do()
		}
	})
}

// until waits for a condition.
func (r *region) until(what string, holds func() bool) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	met := false
	r.every(ctx, 10*time.Second, func() {
		if !met && holds() {
			met = true
			cancel()
		}
	})
	if !met {
		r.Fatalf("waited %v in vain for %s, %v of the account's time", patience, what, r.clock.passed())
	}
}

// furnish makes environments and queues "ec2", "spot" and "fargate", and definitions.
func (r *region) furnish() {
	r.Helper()
	_, h := r.process()
	for name, kind := range map[string]types.CRType{"ec2": types.CRTypeEc2, "spot": types.CRTypeSpot, "fargate": types.CRTypeFargate} {
		in := &types.ComputeResource{
			Type: kind, MaxvCpus: new(int32(16)), Subnets: r.cloud.Subnets(), SecurityGroupIds: []string{r.cloud.SecurityGroup()},
		}
		if kind != types.CRTypeFargate {
			in.MinvCpus, in.InstanceRole, in.InstanceTypes = new(int32(0)), new("ecsInstanceRole"), []string{"m5.large", "m5.xlarge", "c5.large"}
			in.AllocationStrategy = types.CRAllocationStrategyBestFitProgressive
		}
		_, err := h.CreateComputeEnvironment(r.Context(), &awsbatch.CreateComputeEnvironmentInput{
			ComputeEnvironmentName: &name, Type: types.CETypeManaged, ComputeResources: in,
		})
		r.must(err)
		_, err = h.CreateJobQueue(r.Context(), &awsbatch.CreateJobQueueInput{
			JobQueueName: &name, Priority: new(int32(1)),
			ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{ComputeEnvironment: &name, Order: new(int32(0))}},
		})
		r.must(err)
	}
	define := func(name, vcpus, mib, script string, platform types.PlatformCapability) {
		_, err := h.RegisterJobDefinition(r.Context(), &awsbatch.RegisterJobDefinitionInput{
			JobDefinitionName: &name, Type: types.JobDefinitionTypeContainer, PlatformCapabilities: []types.PlatformCapability{platform},
			ContainerProperties: &types.ContainerProperties{
				Image: new("busybox"), Command: []string{"sh", "-c", script}, ExecutionRoleArn: new("arn:aws:iam::123456789012:role/execution"),
				ResourceRequirements: []types.ResourceRequirement{
					{Type: types.ResourceTypeVcpu, Value: &vcpus}, {Type: types.ResourceTypeMemory, Value: &mib},
				},
			},
		})
		r.must(err)
	}
	define("short", "1", "512", "sleep 0.1", types.PlatformCapabilityEc2) // 20 s of the account's time
	define("long", "1", "512", "sleep 0.5", types.PlatformCapabilityEc2)
	define("forever", "1", "512", "trap 'exit 143' TERM; while :; do sleep 0.05; done", types.PlatformCapabilityEc2)
	define("tiny", "0.25", "512", "sleep 0.1", types.PlatformCapabilityFargate)
}
