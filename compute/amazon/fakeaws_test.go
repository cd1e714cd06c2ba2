package amazon

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/amazon/notebook"
	"github.com/packhorse-batch/packhorse/compute/computetest"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// place is an account to test in: a cloud that behaves, and what is remembered.
type place struct {
	cloud  *fakeaws.Cloud
	memory *notebook.Notebook
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
	p.cloud, p.memory = fakeaws.New(o), notebook.New(p.now)
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
		return p.onHosts(func() *Backend { return p.open() })
	})
}

func TestPromisesOnFargate(t *testing.T) {
	computetest.Run(t, func(t *testing.T) computetest.Harness {
		p := newPlace(t)
		return p.onFargate(func() *Backend { return p.open() })
	})
}

// The SDK's own clients are between the backend and the cloud: what is asked is something
// that they send, and what is read something that they read.
func TestPromisesOverTheWire(t *testing.T) {
	if testing.Short() {
		t.Skip("the same promises as without a wire")
	}
	t.Run("hosts", func(t *testing.T) {
		computetest.Run(t, func(t *testing.T) computetest.Harness {
			p := newPlace(t)
			return p.onHosts(p.wired(t))
		})
	})
	t.Run("Fargate", func(t *testing.T) {
		computetest.Run(t, func(t *testing.T) computetest.Harness {
			p := newPlace(t)
			return p.onFargate(p.wired(t))
		})
	})
}

// wired returns what opens a backend whose calls go over HTTP.
func (p *place) wired(t *testing.T) func() *Backend {
	t.Helper()
	server := httptest.NewServer(p.cloud.Handler())
	t.Cleanup(server.Close)
	c := aws.Config{
		Region: p.cloud.Region(), BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	return func() *Backend {
		b := p.open()
		b.ec2, b.ecs, b.o.SSM = ec2.NewFromConfig(c), ecs.NewFromConfig(c), ssm.NewFromConfig(c)
		return b
	}
}

// onHosts lets the suite run real commands on hosts.
func (p *place) onHosts(open func() *Backend) computetest.Harness {
	return computetest.Harness{
		Backend: open(), Host: request, Several: true,
		Reopen:  func(*testing.T) compute.Backend { return open() },
		Exit:    func(code int32) compute.Container { return shell(fmt.Sprintf("exit %d", code)) },
		Forever: func() compute.Container { return shell("trap 'exit 143' TERM; while :; do sleep 0.1; done") },
		Broken:  func() compute.Container { return compute.Container{Image: "missing:1"} },
		Print: func(lines ...string) compute.Container {
			return shell("printf '%s\\n' '" + strings.Join(lines, "' '") + "'")
		},
		Lines: p.lines,
	}
}

// onFargate lets the suite run real commands without hosts, in the smallest size.
func (p *place) onFargate(open func() *Backend) computetest.Harness {
	h := p.onHosts(open)
	small := func(c compute.Container) compute.Container {
		c.Need = batch.Resources{MilliVCPU: 250, MemoryMiB: 512}
		return c
	}
	exit, forever, broken, print := h.Exit, h.Forever, h.Broken, h.Print
	h.Host, h.Several = nil, false
	h.Exit = func(code int32) compute.Container { return small(exit(code)) }
	h.Forever = func() compute.Container { return small(forever()) }
	h.Broken = func() compute.Container { return small(broken()) }
	h.Print = func(lines ...string) compute.Container { return small(print(lines...)) }
	return h
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
