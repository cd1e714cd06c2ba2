//go:build unix

package laptop

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute/local/docker"
)

// engine is a Docker Engine with an image of ours: the worker and nothing else.
type engine struct {
	*testing.T
	host  string // as DOCKER_HOST has it; empty is the machine's own
	api   *client.Client
	image string
}

// programInImage is where the image has the worker.
const programInImage = "/worker"

// machineEngine is the engine that this machine has, if it has one.
func machineEngine(t *testing.T) *engine {
	t.Helper()
	if _, err := docker.Probe(t.Context(), ""); err != nil {
		t.Skip("needs a Docker Engine:", err)
	}
	return newEngine(t, "")
}

func newEngine(t *testing.T, host string) *engine {
	t.Helper()
	options := []client.Opt{client.FromEnv}
	if host != "" {
		options = append(options, client.WithHost(host))
	}
	api, err := client.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{T: t, host: host, api: api, image: "packhorse-e2e-" + strings.ToLower(rand.Text()[:10]) + ":latest"}
	t.Cleanup(e.cleanUp)
	e.makeImage()
	return e
}

// makeImage imports the worker, which is linked statically, as an image. A label makes
// the image another one for each test.
func (e *engine) makeImage() {
	e.Helper()
	runtime, err := docker.Open(e.Context(), docker.Options{Host: e.host, Instance: e.image})
	if err != nil {
		e.Fatal(err)
	}
	defer runtime.Close()
	file, f, err := docker.FileOf(worker, programInImage)
	if err != nil {
		e.Fatal(err)
	}
	defer f.Close()
	if err := runtime.ImportImage(e.Context(), e.image, []docker.ImageFile{file}, "LABEL e2e="+e.image); err != nil {
		e.Fatal(err)
	}
}

// containers are those of our image, ended ones included.
func (e *engine) containers() []string { return e.list(true) }

// running are the containers of our image that run.
func (e *engine) running() []string { return e.list(false) }

func (e *engine) list(all bool) []string {
	list, err := e.api.ContainerList(context.WithoutCancel(e.Context()), client.ContainerListOptions{
		All: all, Filters: client.Filters{}.Add("ancestor", e.image),
	})
	if err != nil {
		return nil
	}
	var ids []string
	for _, c := range list.Items {
		ids = append(ids, c.ID)
	}
	return ids
}

func (e *engine) cleanUp() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Context()), patience)
	defer cancel()
	until(e.T, "the containers of the test to be removed", func() bool {
		left := e.containers()
		for _, id := range left {
			e.remove(ctx, id)
		}
		return len(left) == 0
	})
	if _, err := e.api.ImageRemove(ctx, e.image, client.ImageRemoveOptions{Force: true}); err != nil {
		e.Logf("image %s stays: %v", e.image, err)
	}
	_ = e.api.Close()
}

func (e *engine) remove(ctx context.Context, container string) {
	_, err := e.api.ContainerRemove(ctx, container, client.ContainerRemoveOptions{Force: true})
	if err != nil && !strings.Contains(err.Error(), "already in progress") {
		e.Logf("container %s: %v", container, err)
	}
}

// shop returns a server, not started yet, whose jobs run in this engine.
func (e *engine) shop() *shop {
	e.Helper()
	s := newServer(e.T, "--network", "none")
	s.args = append(s.args, "--runtime", "docker")
	if e.host != "" {
		s.env = append(s.env, "DOCKER_HOST="+e.host)
	}
	shop := closedShop(s)
	shop.program, shop.image = programInImage, e.image
	return shop
}

func TestKill_containers(t *testing.T) {
	e := machineEngine(t)
	s := e.shop()
	s.start()
	s.define()
	l := &load{shop: s, queues: []string{queue}, slow: time.Second, crowd: 12}
	l.survive(schedule{kills: kills(16), longest: 4 * time.Second, early: 500 * time.Millisecond})
	until(t, "the last container to be removed", func() bool { return len(e.containers()) == 0 })
}

func TestContainersRunOnWithoutTheServer(t *testing.T) {
	e := machineEngine(t)
	s := e.shop()
	s.start()
	s.define()
	go1, go2 := s.file("go1"), s.file("go2")
	during := s.submit(s.order("ends-while-down", "-lines", "3", "-wait", go1, "-exits", "5"))
	after := s.submit(s.order("ends-after", "-lines", "3", "-wait", go2, "-exits", "7"))
	s.started(during, 1)
	s.started(after, 1)
	before := s.reaches(after, types.JobStatusRunning)
	s.kill()
	touch(t, go1)
	until(t, "the end of the first container", func() bool { return len(e.running()) == 1 })
	s.start()
	s.checkEnd(s.ends(during), 5, 3)
	if again := s.job(after); again.Status != types.JobStatusRunning || *again.StartedAt != *before.StartedAt {
		t.Errorf("after the restart job %s is %s since %d, want RUNNING since %d", after, again.Status, *again.StartedAt, *before.StartedAt)
	}
	touch(t, go2)
	s.checkEnd(s.ends(after), 7, 3)
	attempts(t, readLedger(t, s.ledger))
}

// A container that somebody removes while the server is down is lost with its host.
func TestAttemptLostWithItsContainer(t *testing.T) {
	e := machineEngine(t)
	s := e.shop()
	s.start()
	s.define()
	order := s.order("removed", "-exits", "0,4", "-wait", s.file("go"))
	order.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(2)}
	id := s.submit(order)
	s.started(id, 1)
	s.reaches(id, types.JobStatusRunning)
	s.kill()
	for _, container := range e.running() {
		e.remove(t.Context(), container)
	}
	s.start()
	s.started(id, 2)
	touch(t, s.file("go"))
	job := s.ends(id)
	if len(job.Attempts) != 2 || !hostLost.MatchString(aws.ToString(job.Attempts[0].StatusReason)) {
		t.Fatalf("attempts = %+v, want two, the first lost with its host", job.Attempts)
	}
	if exit := job.Attempts[1].Container.ExitCode; exit == nil || *exit != 4 {
		t.Errorf("exit code of the second attempt = %s, want 4", code(exit))
	}
	attempts(t, readLedger(t, s.ledger))
}
