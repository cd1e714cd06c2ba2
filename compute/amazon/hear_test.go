package amazon

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/amazon/notebook"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// ear hears every event of a cloud, as a Lambda function does.
type ear struct {
	mu    sync.Mutex
	tasks map[string]compute.TaskStatus
	hosts map[string]compute.Host
	errs  []error
}

func (p *place) listen(t *testing.T) *ear {
	e := &ear{tasks: map[string]compute.TaskStatus{}, hosts: map[string]compute.Host{}}
	p.cloud.Subscribe(func(event fakeaws.Event) {
		raw, err := json.Marshal(event)
		var news []compute.News
		if err == nil {
			news, err = p.open().Hear(t.Context(), raw)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil && t.Context().Err() == nil {
			e.errs = append(e.errs, err)
		}
		for _, n := range news {
			if n.Task != nil && n.Task.Version >= e.tasks[n.Task.ID].Version {
				e.tasks[n.Task.ID] = *n.Task
			}
			if n.Host != nil && n.Host.Version >= e.hosts[n.Host.ID].Version {
				e.hosts[n.Host.ID] = *n.Host
			}
		}
	})
	return e
}

func (e *ear) task(id string) compute.TaskStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tasks[id]
}

func (e *ear) host(id string) compute.Host {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.hosts[id]
}

// spotRequest asks for a Spot host.
func spotRequest(id string) compute.HostRequest {
	r := request(id)
	r.Market, r.Settings.Type = compute.Spot, types.CRTypeSpot
	return r
}

func TestEventsTellTheSameAsLists(t *testing.T) {
	p := newPlace(t)
	e := p.listen(t)
	b := p.open()
	mustLaunch(t, b, request("h-1"))
	if err := p.cloud.Until(t.Context(), func() bool { return e.host("h-1").State == compute.HostReady }); err != nil {
		t.Fatalf("no event told that the host is READY: %+v", e.host("h-1"))
	}
	listed := p.ready(t, b, "h-1")
	if diff := cmp.Diff(listed, e.host("h-1"), cmpopts.EquateApproxTime(time.Second)); diff != "" {
		t.Errorf("the event (+) tells something else than the list (-):\n%s", diff)
	}
	task := hostTask(1, "h-1", asIs)
	mustRun(t, b, task)
	if err := p.cloud.Until(t.Context(), func() bool { return e.task(task.ID).State == compute.TaskStopped }); err != nil {
		t.Fatalf("no event told that the task stopped: %+v", e.task(task.ID))
	}
	got, want := e.task(task.ID), p.status(t, b, task.ID, compute.TaskStopped)
	want.Host, got.Host = "", "" // events come without the tags that say it
	if diff := cmp.Diff(want, got, cmpopts.EquateApproxTime(time.Second)); diff != "" {
		t.Errorf("the event (+) tells something else than the list (-):\n%s", diff)
	}
	if err := b.Terminate(t.Context(), "h-1"); err != nil {
		t.Fatal(err)
	}
	if err := p.cloud.Until(t.Context(), func() bool { return e.host("h-1").State == compute.HostGone }); err != nil {
		t.Fatalf("no event told that the host is GONE: %+v", e.host("h-1"))
	}
	if e.host("h-1").Reason == "" || e.host("h-1").Environment != "spot-or-not" {
		t.Errorf("the end of the host is told as %+v", e.host("h-1"))
	}
	if len(e.errs) > 0 {
		t.Errorf("events were not understood: %v", e.errs)
	}
}

func TestASpotNoticeDrainsAtOnceAndTheTasksAreLostWithTheHost(t *testing.T) {
	p := newPlace(t, func(o *fakeaws.Options) { o.SpotNotice = 5 * time.Minute }) // a second here
	b := p.open()
	host := mustLaunch(t, b, spotRequest("h-1"))
	p.ready(t, b, "h-1")
	task := hostTask(1, "h-1", func(task *compute.Task) { task.Containers[0].Command = []string{"sleep", "1000"} })
	mustRun(t, b, task)
	p.status(t, b, task.ID, compute.TaskRunning)
	e := p.listen(t)
	if err := p.cloud.Interrupt(host.Instance); err != nil {
		t.Fatal(err)
	}
	if err := p.cloud.Until(t.Context(), func() bool { return e.host("h-1").State == compute.HostDraining }); err != nil {
		t.Fatalf("no event told that the host drains: %+v", e.host("h-1"))
	}
	if got := p.status(t, b, task.ID, compute.TaskRunning); got.State != compute.TaskRunning {
		t.Errorf("the task is %s, want it to use the two minutes", got.State)
	}
	if err := b.Run(t.Context(), hostTask(2, "h-1", asIs)); !errors.Is(err, compute.ErrNoRoom) {
		t.Errorf("Run() = %v on a host that drains, want ErrNoRoom", err)
	}
	if err := p.cloud.Until(t.Context(), func() bool { return e.task(task.ID).State == compute.TaskStopped }); err != nil {
		t.Fatal("no event told that the task stopped")
	}
	for from, got := range map[string]compute.TaskStatus{"event": e.task(task.ID), "list": p.status(t, b, task.ID, compute.TaskStopped)} {
		if want := "Host EC2 (instance " + host.Instance + ") terminated."; got.StopCode != compute.StopHostLost || got.Reason != want {
			t.Errorf("%s: it stopped with %s, %q; want %s, %q", from, got.StopCode, got.Reason, compute.StopHostLost, want)
		}
	}
}

func TestARebalanceRecommendationDrainsAtOnce(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	host := mustLaunch(t, b, spotRequest("h-1"))
	p.ready(t, b, "h-1")
	event := strings.ReplaceAll(rebalanceEvent, "i-1234567890abcdef0", host.Instance)
	for range 2 { // events come twice now and then
		news, err := p.open().Hear(t.Context(), json.RawMessage(event))
		if err != nil || len(news) != 1 || news[0].Host.ID != "h-1" || news[0].Host.State != compute.HostDraining || news[0].Host.Environment != "spot-or-not" {
			t.Fatalf("Hear() = %+v, %v; want h-1, DRAINING", news, err)
		}
	}
	p.reaches(t, p.open(), "h-1", compute.HostDraining)
}

func TestANoticeBeforeTheHostHasJoinedHoldsToo(t *testing.T) {
	p := newPlace(t, func(o *fakeaws.Options) { o.BootTime, o.SpotNotice = fakeaws.Exactly(60*time.Second), time.Hour })
	b := p.open()
	host := mustLaunch(t, b, spotRequest("h-1"))
	if _, err := b.Hear(t.Context(), json.RawMessage(strings.ReplaceAll(rebalanceEvent, "i-1234567890abcdef0", host.Instance))); err != nil {
		t.Fatal(err)
	}
	p.reaches(t, p.open(), "h-1", compute.HostDraining)
	if err := p.cloud.Until(t.Context(), func() bool { // it has joined
		joined, err := b.joined(t.Context(), "computetest", host.Instance)
		return err == nil && len(joined) == 1
	}); err != nil {
		t.Fatal(err)
	}
	p.reaches(t, p.open(), "h-1", compute.HostDraining)
}

func TestEventsOfOthersAreNoNews(t *testing.T) {
	p := newPlace(t)
	other := p.open()
	other.o.Deployment = "other"
	host := mustLaunch(t, other, spotRequest("h-1"))
	for _, event := range []string{taskEvent, spotEvent, rebalanceEvent, instanceEvent, containerEvent} {
		mine := strings.NewReplacer("i-1234567890abcdef0", host.Instance, "i-f3a8506b", host.Instance).Replace(event)
		for _, raw := range []string{event, mine} { // an instance that nobody knows, and one of another deployment
			if news, err := p.open().Hear(t.Context(), json.RawMessage(raw)); err != nil || len(news) > 0 {
				t.Errorf("Hear(%s) = %+v, %v; want nothing", raw, news, err)
			}
		}
	}
}

// A host's shutdown sends SIGTERM to its containers, and the agent may report their end
// before it ends itself.
func TestATaskKilledByTheShutdownOfItsHostIsLost(t *testing.T) {
	killed := func(code int32, reason string) ecstypes.Task {
		return ecsTask(func(task *ecstypes.Task) {
			task.LastStatus, task.StopCode, task.StoppedAt = new("STOPPED"), "EssentialContainerExited", new(task.StartedAt.Add(time.Minute))
			task.Containers[0].ExitCode, task.Containers[0].Reason = &code, some(reason)
		})
	}
	tests := map[string]struct {
		task  ecstypes.Task
		since time.Duration // of the notice, after the start of the task; 0 is none
		want  compute.StopCode
	}{
		"SIGTERM after the notice":      {killed(143, ""), 30 * time.Second, compute.StopHostLost},
		"SIGKILL after the notice":      {killed(137, ""), 30 * time.Second, compute.StopHostLost},
		"SIGTERM without a notice":      {killed(143, ""), 0, compute.StopEssentialExited},
		"SIGTERM before the notice":     {killed(143, ""), 2 * time.Minute, compute.StopEssentialExited},
		"out of memory":                 {killed(137, "OutOfMemoryError: Container killed due to memory usage"), 30 * time.Second, compute.StopEssentialExited},
		"an end of its own, meanwhile":  {killed(1, ""), 30 * time.Second, compute.StopEssentialExited},
		"a good end of its own as well": {killed(0, ""), 30 * time.Second, compute.StopEssentialExited},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			b := bare()
			b.o.Now, b.o.Memory = c.now, notebook.New(c.now)
			if test.since > 0 {
				c.at.Store(test.task.StartedAt.Add(test.since).UnixNano())
				if err := b.noteEnding(t.Context(), "i-0123456789abcdef0"); err != nil {
					t.Fatal(err)
				}
			}
			got, err := b.settled(t.Context(), statusOf(test.task), test.task)
			if err != nil || got.StopCode != test.want {
				t.Fatalf("it stopped with %s, %v; want %s", got.StopCode, err, test.want)
			}
			if lost := test.want == compute.StopHostLost; lost != (got.Containers[0].ExitCode == nil) ||
				lost && got.Reason != "Host EC2 (instance i-0123456789abcdef0) terminated." {
				t.Errorf("%q, exit code %v", got.Reason, got.Containers[0].ExitCode)
			}
		})
	}
}

func TestInstancesWithoutARecordAreListedAndCanBeEnded(t *testing.T) {
	p := newPlace(t)
	host := mustLaunch(t, p.open(), request("h-1"))
	p.memory.Clear() // all records are lost
	b := p.open()
	hosts, err := b.ListHosts(t.Context())
	if err != nil || len(hosts) != 1 || hosts[0].ID != "h-1" {
		t.Fatalf("ListHosts() = %+v, %v; want h-1", hosts, err)
	}
	if err := b.Terminate(t.Context(), "h-1"); err != nil {
		t.Fatal(err)
	}
	if alive := p.cloud.Alive(); len(alive) != 1 || p.instance(t, host.Instance).State.Name != "shutting-down" {
		t.Errorf("alive are %v, want it to shut down", alive)
	}
}

func TestAnInstanceIsNotEndedForItsHostTagAlone(t *testing.T) {
	p := newPlace(t)
	other := p.open()
	other.o.Deployment = "other"
	host := mustLaunch(t, other, request("h-1"))
	b := p.open()
	b.o.Memory = notebook.New(p.now)
	for _, id := range []string{"h-1", host.Instance} {
		if err := b.Terminate(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.instance(t, host.Instance).State.Name; got != "pending" && got != "running" {
		t.Errorf("an instance of another deployment is %s", got)
	}
}

func TestAnUnmanagedEnvironmentAdoptsWhatHasJoined(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	unmanaged := compute.HostRequest{ID: "h-mine", Environment: "unmanaged", Cluster: "computetest", Market: compute.OnDemand}
	if _, err := b.Launch(t.Context(), unmanaged); err == nil || !strings.Contains(err.Error(), "ECS_CLUSTER=computetest") {
		t.Fatalf("Launch() = %v while nothing has joined, want an error that says how to join", err)
	}
	owner := p.open() // whoever starts the instance
	owner.o.Deployment, owner.o.Memory = "owner", notebook.New(p.now)
	started := mustLaunch(t, owner, request("h-theirs"))
	p.ready(t, owner, "h-theirs")
	host := mustLaunch(t, b, unmanaged)
	if host.Instance != started.Instance || host.State != compute.HostReady || host.ID != "h-mine" {
		t.Fatalf("Launch() = %+v, want the instance that has joined", host)
	}
	mustRun(t, b, hostTask(1, "h-mine", asIs))
	if err := b.Terminate(t.Context(), "h-mine"); err != nil {
		t.Fatal(err)
	}
	if got := p.instance(t, host.Instance).State.Name; got != "running" {
		t.Errorf("the instance is %s, want it left to its owner", got)
	}
}

func TestRemoveEnvironmentLeavesNothing(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	host := mustLaunch(t, b, request("h-1"))
	p.ready(t, b, "h-1")
	if err := b.Terminate(t.Context(), "h-1"); err != nil {
		t.Fatal(err)
	}
	if err := p.cloud.Until(t.Context(), func() bool { return p.instance(t, host.Instance).State.Name == "terminated" }); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing
		if err := b.RemoveEnvironment(t.Context(), "spot-or-not", "computetest"); err != nil {
			t.Fatalf("RemoveEnvironment() = %v", err)
		}
	}
	clusters, err := b.ourClusters(t.Context())
	if err != nil || len(clusters) > 0 {
		t.Errorf("clusters %v are left, %v", clusters, err)
	}
	if _, err := p.cloud.EC2().DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: new(b.templateName("spot-or-not"))}); !noTemplate(err) {
		t.Errorf("the launch template is left: %v", err)
	}
	mustLaunch(t, b, request("h-2")) // an environment of that name may come again
	out, err := p.cloud.ECS().DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"computetest"}})
	if err != nil || *out.Clusters[0].Status != "ACTIVE" {
		t.Errorf("the cluster is %+v, %v; want it made again", out, err)
	}
}

func TestEventsOfAHostThatTellNothingNewAskNobody(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	host := mustLaunch(t, b, request("h-1"))
	p.ready(t, b, "h-1")
	event := strings.ReplaceAll(containerEvent, "i-f3a8506b", host.Instance)
	if news, err := b.Hear(t.Context(), json.RawMessage(event)); err != nil || len(news) != 1 {
		t.Fatalf("Hear() = %+v, %v; want one", news, err)
	}
	before := p.cloud.Calls()["ec2.DescribeInstances"]
	again := strings.NewReplacer(`"version": 14801`, `"version": 14802`, `"integerValue": 1988`, `"integerValue": 1024`).Replace(event)
	if news, err := b.Hear(t.Context(), json.RawMessage(again)); err != nil || len(news) != 0 {
		t.Errorf("Hear() = %+v, %v of a host whose free room changed; want nothing", news, err)
	}
	if got := p.cloud.Calls()["ec2.DescribeInstances"]; got != before {
		t.Errorf("DescribeInstances was called %d times for it", got-before)
	}
	drains := strings.Replace(again, `"status": "ACTIVE"`, `"status": "DRAINING"`, 1)
	if news, err := b.Hear(t.Context(), json.RawMessage(drains)); err != nil || len(news) != 1 || news[0].Host.State != compute.HostDraining {
		t.Errorf("Hear() = %+v, %v of a host that drains; want it DRAINING", news, err)
	}
}

// forgetful is an ECS that still lists the container instance of an instance that ended.
type forgetful struct {
	ECS
	instance string
	gone     []string // what was deregistered by force
}

func (f *forgetful) ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error) {
	return &ecs.ListContainerInstancesOutput{ContainerInstanceArns: []string{"arn:1"}}, nil
}

func (f *forgetful) DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error) {
	return &ecs.DescribeContainerInstancesOutput{ContainerInstances: []ecstypes.ContainerInstance{{
		ContainerInstanceArn: new("arn:1"), Ec2InstanceId: &f.instance, Status: new(containerActive),
	}}}, nil
}

func (f *forgetful) DeregisterContainerInstance(_ context.Context, in *ecs.DeregisterContainerInstanceInput, _ ...func(*ecs.Options)) (*ecs.DeregisterContainerInstanceOutput, error) {
	if *in.Force {
		f.gone = append(f.gone, *in.ContainerInstance)
	}
	return &ecs.DeregisterContainerInstanceOutput{}, nil
}

func TestTerminateTakesWhatECSStillListsOutOfItsCluster(t *testing.T) {
	p := newPlace(t)
	b := p.open()
	host := mustLaunch(t, b, request("h-1"))
	if err := b.Terminate(t.Context(), "h-1"); err != nil {
		t.Fatal(err)
	}
	if err := p.cloud.Until(t.Context(), func() bool { return p.instance(t, host.Instance).State.Name == "terminated" }); err != nil {
		t.Fatal(err)
	}
	f := &forgetful{ECS: b.ecs, instance: host.Instance}
	b.ecs = f
	if err := b.Terminate(t.Context(), "h-1"); err != nil {
		t.Fatal(err)
	}
	if len(f.gone) != 1 || f.gone[0] != "arn:1" {
		t.Errorf("deregistered by force were %v, want arn:1", f.gone)
	}
}
