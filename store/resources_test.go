package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/store"
)

func definition(name string, revision int32) store.Definition {
	return store.Definition{Detail: types.JobDefinition{JobDefinitionName: &name, Revision: &revision, Status: new(store.Active)}}
}

func names(page store.DefinitionPage) []string {
	list := []string{}
	for _, d := range page.Definitions {
		list = append(list, fmt.Sprintf("%s:%d", d.Name(), d.Revision()))
	}
	return list
}

func TestDefinitionsAreListedNewestFirst(t *testing.T) {
	b := open(t)
	version := int64(0)
	for r := int32(1); r <= 11; r++ {
		b.write(b.PutNewDefinition(definition("d", r), version)...)
		version++
	}
	b.write(b.PutNewDefinition(definition("e", 1), 0)...)
	if err := b.Write(b.ctx, b.PutNewDefinition(definition("d", 12), version-1)...); !store.IsConflict(err) {
		t.Errorf("registering beside another = %v, want ErrConflict", err)
	}
	revision, at, err := b.LatestRevision(b.ctx, "d")
	if revision != 11 || at != version || err != nil {
		t.Errorf("LatestRevision = %d at %d, %v; want 11 at %d", revision, at, err, version)
	}
	if revision, at, err := b.LatestRevision(b.ctx, "new"); revision != 0 || at != 0 || err != nil {
		t.Errorf("LatestRevision of a new name = %d at %d, %v", revision, at, err)
	}
	ended := definition("d", 10)
	ended.Version, ended.Detail.Status, ended.InactiveAt = 1, new(store.Inactive), batch.MillisOf(today)
	b.write(b.PutDefinition(ended))

	var all []string
	for after := ""; ; {
		page, err := b.DefinitionsNamed(b.ctx, "d", 4, after)
		b.must(err)
		all = append(all, names(page)...)
		if after = page.Next; after == "" {
			break
		}
	}
	b.wants("revisions of d", all, "d:11", "d:10", "d:9", "d:8", "d:7", "d:6", "d:5", "d:4", "d:3", "d:2", "d:1")
	page, err := b.Definitions(b.ctx, store.Active, 3, "")
	b.must(err)
	b.wants("active ones", names(page), "e:1", "d:11", "d:9")
	page, err = b.Definitions(b.ctx, store.Inactive, 3, "")
	b.must(err)
	b.wants("inactive ones", names(page), "d:10")

	if latest, err := b.ViewLatest(b.ctx, "d"); err != nil || latest.Revision() != 11 {
		t.Errorf("ViewLatest = %d, %v", latest.Revision(), err)
	}
	newest, err := b.Definition(b.ctx, "d", 11)
	b.must(err)
	newest.Detail.Status = new(store.Inactive)
	b.write(b.PutDefinition(newest))
	if latest, err := b.ViewLatest(b.ctx, "d"); err != nil || latest.Revision() != 9 {
		t.Errorf("ViewLatest when the newest two are inactive = %d, %v; want 9", latest.Revision(), err)
	}
	if _, err := b.ViewLatest(b.ctx, "nothing"); !store.IsNotFound(err) {
		t.Errorf("ViewLatest of nothing = %v, want ErrNotFound", err)
	}
	purger := b.Table().(store.Purger)
	if n, err := purger.Purge(b.ctx, today.Add(181*day), 100); n != 1 || err != nil {
		t.Errorf("%d definitions are forgotten after half a year, %v; want the one deregistered at a known moment", n, err)
	}
}

func TestAQueueThatIsRetiredIsRememberedByName(t *testing.T) {
	b := open(t)
	queue := func() store.Queue {
		b.write(b.PutQueue(store.Queue{Detail: types.JobQueueDetail{JobQueueName: new("q")}}))
		q, err := b.Queue(b.ctx, "q")
		b.must(err)
		return q
	}
	for range 2 { // and again, when one of that name was made anew
		ops, err := b.RetireQueue(b.ctx, queue(), today)
		b.must(err)
		b.write(ops...)
		if _, err := b.Queue(b.ctx, "q"); !store.IsNotFound(err) {
			t.Errorf("the retired queue = %v, want ErrNotFound", err)
		}
		former, err := b.FormerQueues(b.ctx)
		b.must(err)
		if len(former) != 1 || former[0] != (store.FormerQueue{Name: "q", RetiredAt: batch.MillisOf(today)}) {
			b.Errorf("former queues = %+v, want q, retired today", former)
		}
	}
	b.write(b.ForgetQueue("q"))
	b.write(b.ForgetQueue("q")) // does no harm
	former, err := b.FormerQueues(b.ctx)
	b.must(err)
	if len(former) != 0 {
		b.Errorf("former queues = %+v, want none", former)
	}
}

func TestTheEnvironmentsOfAQueueAreInTheirOrder(t *testing.T) {
	q := store.Queue{Detail: types.JobQueueDetail{ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{
		{Order: new(int32(7)), ComputeEnvironment: new("last")},
		{Order: new(int32(1)), ComputeEnvironment: new("arn:aws:batch:us-east-1:123456789012:compute-environment/first")},
		{Order: new(int32(2)), ComputeEnvironment: new("second")},
	}}}
	if got := strings.Join(q.Environments(), " "); got != "first second last" {
		t.Errorf("Environments = %q", got)
	}
	if got := *q.Detail.ComputeEnvironmentOrder[0].ComputeEnvironment; got != "last" {
		t.Errorf("the order that is shown begins with %q now", got)
	}
}

func TestAHostThatIsGoneCanBeSeenForAnHour(t *testing.T) {
	b := open(t)
	host := store.Host{ID: "h1", Environment: "ce", Type: "m5.large", State: compute.HostReady, CreatedAt: batch.MillisOf(today)}
	other := host
	other.ID, other.Environment = "h2", "other"
	b.write(b.PutHost(host), b.PutHost(other))
	hosts, err := b.Hosts(b.ctx, "ce")
	if err != nil || len(hosts) != 1 || hosts[0].ID != "h1" || hosts[0].Version != 1 {
		t.Fatalf("Hosts = %+v, %v", hosts, err)
	}
	gone := hosts[0]
	gone.GoneAt, gone.Reason = batch.MillisOf(today), "it was idle"
	b.write(b.MoveGone(gone)...)
	if err := b.Write(b.ctx, b.MoveGone(gone)...); !store.IsConflict(err) {
		t.Errorf("gone again = %v, want ErrConflict", err)
	}
	if err := b.Write(b.ctx, b.PutHost(hosts[0])); !store.IsConflict(err) {
		t.Errorf("writing a host that is gone = %v, want ErrConflict", err)
	}
	if _, err := b.Host(b.ctx, "ce", "h1"); !store.IsNotFound(err) {
		t.Errorf("the host among the living = %v, want ErrNotFound", err)
	}
	list, err := b.GoneHosts(b.ctx, "ce")
	if err != nil || len(list) != 1 || list[0].State != compute.HostGone || list[0].Reason != "it was idle" {
		t.Errorf("GoneHosts = %+v, %v", list, err)
	}
	purger := b.Table().(store.Purger)
	for age, want := range map[time.Duration]int{59 * time.Minute: 0, 61 * time.Minute: 1} {
		if n, err := purger.Purge(b.ctx, today.Add(age), 10); n != want || err != nil {
			t.Errorf("%d are forgotten after %s, %v; want %d", n, age, err, want)
		}
	}
}

func TestSharesAndReasonsAreKeptByQueue(t *testing.T) {
	b := open(t)
	b.write(b.PutShare(store.Share{Queue: "q", ID: "red", Usage: 1.5, AsOf: 7}), b.PutShare(store.Share{Queue: "q", ID: "blue"}),
		b.PutShare(store.Share{Queue: "other", ID: "red"}))
	shares, err := b.Shares(b.ctx, "q")
	if err != nil || len(shares) != 2 || shares[1] != (store.Share{Version: 1, Queue: "q", ID: "red", Usage: 1.5, AsOf: 7}) {
		t.Errorf("Shares = %+v, %v", shares, err)
	}
	b.write(b.DeleteShare(shares[0]))
	if _, err := b.Share(b.ctx, "q", "blue"); !store.IsNotFound(err) {
		t.Errorf("a share that was deleted = %v, want ErrNotFound", err)
	}
	if why, err := b.Why(b.ctx, "q"); err != nil || why.Queue != "q" || why.Version != 0 {
		t.Errorf("Why before any pass = %+v, %v", why, err)
	}
	said := store.Why{Queue: "q", Said: []store.Said{{Reason: "because", Jobs: []string{"i", "j"}}}, Head: "i"}
	b.write(b.PutWhy(said))
	why, err := b.Why(b.ctx, "q")
	if err != nil || !why.SameAs(said) || why.Version != 1 {
		t.Errorf("Why = %+v, %v", why, err)
	}
}

// What View functions return is shared, but for the value itself; what the others
// return is the caller's own.
func TestChangesOfWhatWasReadDoNotShow(t *testing.T) {
	b := open(t)
	detail := types.JobQueueDetail{JobQueueName: new("q"), Priority: new(int32(1)), Tags: map[string]string{"k": "v"}}
	b.write(b.PutQueue(store.Queue{Detail: detail}))
	env := store.Environment{Detail: types.ComputeEnvironmentDetail{ComputeEnvironmentName: new("ce"), Tags: map[string]string{"k": "v"}}}
	b.write(b.PutEnvironment(env))
	b.write(b.PutNewDefinition(definition("d", 1), 0)...)
	for range 2 { // before and after they are known to the cache
		mine, err := b.Queue(b.ctx, "q")
		b.must(err)
		*mine.Detail.Priority, mine.Detail.Tags["k"] = 9, "changed"
		shown, err := b.ViewQueue(b.ctx, "q")
		b.must(err)
		change(&shown)
		all, err := b.ViewQueues(b.ctx)
		b.must(err)
		change(&all[0])
		again, err := b.ViewQueue(b.ctx, "q")
		if err != nil || *again.Detail.Priority != 1 || again.Detail.Tags["k"] != "v" || again.DeletedAt != 0 || again.Detail.State != "" {
			t.Errorf("the queue shows changes of others: %+v, %v", again, err)
		}
		own, err := b.Environment(b.ctx, "ce")
		b.must(err)
		own.Detail.Tags["k"] = "changed"
		if e, err := b.ViewEnvironment(b.ctx, "ce"); err != nil || e.Detail.Tags["k"] != "v" {
			t.Errorf("the environment shows changes of others: %+v, %v", e, err)
		}
		def, err := b.Definition(b.ctx, "d", 1)
		b.must(err)
		*def.Detail.Status = "changed"
		if d, err := b.ViewDefinition(b.ctx, "d", 1); err != nil || *d.Detail.Status != store.Active {
			t.Errorf("the definition shows changes of others: %+v, %v", d, err)
		}
	}
}

// change is what a careless caller does to a queue it was shown.
func change(q *store.Queue) { q.DeletedAt, q.Detail.State = 9, "changed" }

func TestViewsShowTheVersionOfNow(t *testing.T) {
	b := open(t)
	b.write(b.PutQueue(store.Queue{Detail: types.JobQueueDetail{JobQueueName: new("q")}}))
	for version := int64(1); version < 4; version++ {
		q, err := b.ViewQueue(b.ctx, "q")
		if err != nil || q.Version != version {
			t.Fatalf("ViewQueue has version %d, %v; want %d", q.Version, err, version)
		}
		q, err = b.Queue(b.ctx, "q")
		b.must(err)
		b.write(b.PutQueue(q)) // unchanged but for its version
	}
}
