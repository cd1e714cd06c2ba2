package sim_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"testing"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// BenchmarkTasks is tasks that take no time through Run, the news that they run,
// the news that they stopped, and Forget, on the real clock.
func BenchmarkTasks(b *testing.B) {
	backend := sim.Start(sim.Config{CountOnly: true})
	defer backend.Close()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	host, err := backend.Launch(ctx, compute.HostRequest{ID: "h1", Type: "m5.large"})
	if err != nil {
		b.Fatal(err)
	}

	ended := make(chan string, 1024)
	takes := 0
	var watch sync.WaitGroup
	watch.Go(func() {
		backend.Watch(ctx, func(news []compute.News) {
			takes++
			for _, one := range news {
				if one.Task != nil && one.Task.State == compute.TaskStopped {
					ended <- one.Task.ID
				}
			}
		})
	})
	containers := []compute.Container{{Name: "default", Essential: true, Need: batch.Resources{MilliVCPU: 1, MemoryMiB: 1}}}

	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for i := range b.N {
			var id [16]byte
			binary.BigEndian.PutUint64(id[8:], uint64(i))
			task := compute.Task{ID: hex.EncodeToString(id[:]), JobID: "j", Attempt: 1, Host: host.ID, Containers: containers}
			for backend.Run(ctx, task) != nil { // no room for a moment
				if ctx.Err() != nil {
					return
				}
			}
		}
	}()
	for range b.N {
		if err := backend.Forget(ctx, <-ended); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
	b.ReportMetric(float64(b.N)*2/float64(takes), "news/take")
	cancel()
	watch.Wait()
}
