package docker

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"
)

// gpu is one whole device that a container can have to itself.
type gpu struct {
	id  string // "0", or a CDI name "nvidia.com/gpu=0"
	cdi bool
}

// nvidiaProc lists one directory per GPU on a machine with NVIDIA's driver.
const nvidiaProc = "/proc/driver/nvidia/gpus"

// findGPUs returns the devices that the engine can give to containers: those it
// has found itself (CDI, engines since 28.2), else, for an engine with NVIDIA's
// runtime, those that the driver of this machine shows.
func findGPUs(info system.Info, proc string) []gpu {
	var found []gpu
	for _, d := range info.DiscoveredDevices {
		// Each device is listed by index and by UUID, and all of them as "all".
		kind, name, ok := strings.Cut(d.ID, "=")
		if _, err := strconv.Atoi(name); ok && err == nil && strings.HasSuffix(kind, "/gpu") {
			found = append(found, gpu{id: d.ID, cdi: true})
		}
	}
	if len(found) > 0 {
		return found
	}
	if _, ok := info.Runtimes["nvidia"]; !ok {
		return nil
	}
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil
	}
	for i := range entries {
		found = append(found, gpu{id: strconv.Itoa(i)})
	}
	return found
}

func gpuIDs(gpus []gpu) []string {
	ids := make([]string, 0, len(gpus))
	for _, g := range gpus {
		ids = append(ids, g.id)
	}
	return ids
}

// deviceRequests asks the engine for exactly these devices.
func deviceRequests(gpus []gpu) []container.DeviceRequest {
	switch {
	case len(gpus) == 0:
		return nil
	case gpus[0].cdi:
		return []container.DeviceRequest{{Driver: "cdi", DeviceIDs: gpuIDs(gpus)}}
	default:
		return []container.DeviceRequest{{DeviceIDs: gpuIDs(gpus), Capabilities: [][]string{{"gpu"}}}}
	}
}

// gpuPool pins whole devices to containers, as ECS does.
type gpuPool struct {
	mu   sync.Mutex
	all  []gpu
	used map[string]bool
}

func newGPUPool(all []gpu) *gpuPool { return &gpuPool{all: all, used: map[string]bool{}} }

// take reserves n devices. Its error is what a user reads.
func (p *gpuPool) take(n int64) ([]gpu, error) {
	if n <= 0 {
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var free []gpu
	for _, g := range p.all {
		if !p.used[g.id] {
			free = append(free, g)
		}
	}
	switch {
	case len(p.all) == 0:
		return nil, fmt.Errorf("the container needs %d GPU and the Docker Engine has none; install the NVIDIA Container Toolkit, or ask for no GPU", n)
	case int64(len(free)) < n:
		return nil, fmt.Errorf("the container needs %d GPU and %d of %d are free", n, len(free), len(p.all))
	}
	free = slices.Clip(free[:n])
	for _, g := range free {
		p.used[g.id] = true
	}
	return free, nil
}

// reserve notes devices that a container found after a restart has.
func (p *gpuPool) reserve(ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		p.used[id] = true
	}
}

func (p *gpuPool) give(ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		delete(p.used, id)
	}
}
