package amazon

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/computetest"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// place is an account to test in: a cloud that behaves, and what is remembered.
type place struct {
	cloud  *fakeaws.Cloud
	memory *notebook
	now    func() time.Time
}

func newPlace(t *testing.T, change ...func(*fakeaws.Options)) *place {
	t.Helper()
	p := &place{now: time.Now}
	o := fakeaws.Options{
		Seed: 1, Speed: 300, BootTime: fakeaws.Exactly(20 * time.Second), ShutdownTime: fakeaws.Exactly(10 * time.Second),
		Pull: func(image string) error {
			if strings.HasPrefix(image, "missing") {
				return errors.New("pull access denied for " + image + ", repository does not exist")
			}
			return nil
		},
	}
	for _, f := range change {
		f(&o)
	}
	if o.Now != nil {
		p.now = o.Now
	}
	p.cloud, p.memory = fakeaws.New(o), newNotebook(p.now)
	t.Cleanup(p.cloud.Close)
	return p
}

// open returns a backend as a new process has it. Rates are not kept: they are those of
// an account, and these tests are many in a second.
func (p *place) open() *Backend {
	b := Open(Options{
		EC2: p.cloud.EC2(), ECS: p.cloud.ECS(), SSM: p.cloud.SSM(), Memory: p.memory, Deployment: "test", Region: p.cloud.Region(),
		InstanceProfile: "ecsInstanceRole", ExecutionRole: "arn:aws:iam::123456789012:role/execution", Now: p.now, Poll: 20 * time.Millisecond,
	})
	b.ec2, b.ecs = p.cloud.EC2(), p.cloud.ECS()
	return b
}

// request asks for a host that does for most tests.
func request(id string) compute.HostRequest {
	return compute.HostRequest{
		ID: id, Environment: "spot-or-not", Cluster: "computetest", Type: "m5.large", Market: compute.OnDemand,
		Settings: &types.ComputeResource{Type: types.CRTypeEc2},
	}
}

func shell(script string) compute.Container {
	return compute.Container{Image: "busybox", Command: []string{"sh", "-c", script}, Essential: true}
}

func TestPromisesOnHosts(t *testing.T) {
	computetest.Run(t, func(t *testing.T) computetest.Harness {
		p := newPlace(t)
		b := p.open()
		return computetest.Harness{
			Backend: b, Host: request, Several: true,
			Reopen:  func(*testing.T) compute.Backend { return p.open() },
			Exit:    func(code int32) compute.Container { return shell(fmt.Sprintf("exit %d", code)) },
			Forever: func() compute.Container { return shell("trap 'exit 143' TERM; while :; do sleep 0.1; done") },
			Broken:  func() compute.Container { return compute.Container{Image: "missing:1"} },
			Print: func(lines ...string) compute.Container {
				return shell("printf '%s\\n' '" + strings.Join(lines, "' '") + "'")
			},
			Lines: p.lines,
		}
	})
}

func TestPromisesOnFargate(t *testing.T) {
	small := func(c compute.Container) compute.Container {
		c.Need = batch.Resources{MilliVCPU: 250, MemoryMiB: 512}
		return c
	}
	computetest.Run(t, func(t *testing.T) computetest.Harness {
		p := newPlace(t)
		return computetest.Harness{
			Backend: p.open(),
			Reopen:  func(*testing.T) compute.Backend { return p.open() },
			Exit:    func(code int32) compute.Container { return small(shell(fmt.Sprintf("exit %d", code))) },
			Forever: func() compute.Container {
				return small(shell("trap 'exit 143' TERM; while :; do sleep 0.1; done"))
			},
			Broken: func() compute.Container { return small(compute.Container{Image: "missing:1"}) },
			Print: func(lines ...string) compute.Container {
				return small(shell("printf '%s\\n' '" + strings.Join(lines, "' '") + "'"))
			},
			Lines: p.lines,
		}
	})
}

// lines reads a log stream that is named after the task as we know it; ECS names it
// after its own id.
func (p *place) lines(t *testing.T, group, stream string) []string {
	t.Helper()
	prefix, id := stream[:strings.LastIndex(stream, "/")+1], lastOf(stream)
	tasks, err := p.open().ListTasks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, task := range tasks {
		if task.ID == id {
			for _, line := range p.cloud.LogLines(group, prefix+task.Ref) {
				lines = append(lines, line.Text)
			}
		}
	}
	return lines
}
