package amazon

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/packhorse-batch/packhorse/compute"
)

// idlePoll is how often Watch asks while nothing lives and nothing was started here.
const idlePoll = time.Minute

// Watch implements [compute.Backend] for a home that runs all the time: it asks ECS and
// EC2 what there is and hands over what has changed. In Lambda events do this, by
// [Backend.Hear].
func (b *Backend) Watch(ctx context.Context, take func([]compute.News)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case b.watching <- struct{}{}:
		defer func() { <-b.watching }()
	case <-ctx.Done():
		return ctx.Err()
	}
	seen := view{hosts: map[string]compute.Host{}, tasks: map[string]compute.TaskStatus{}}
	timer := time.NewTimer(0)
	defer timer.Stop()
	idle := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-b.wake:
			if idle { // what was started here is to be seen soon
				timer.Reset(b.o.Poll)
				idle = false
			}
			continue
		}
		news, err := b.look(ctx, &seen)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			b.o.Log.Warn("what runs could not be asked for; asking again", "error", err, "in", b.o.Poll)
		}
		if len(news) > 0 {
			take(news)
		}
		if idle = err == nil && !seen.lives(); idle {
			timer.Reset(max(b.o.Poll, idlePoll))
		} else {
			timer.Reset(b.o.Poll)
		}
	}
}

// view is what a watcher has seen.
type view struct {
	hosts map[string]compute.Host
	tasks map[string]compute.TaskStatus
}

// lives reports whether anything runs that may change by itself.
func (v view) lives() bool {
	if len(v.hosts) > 0 {
		return true
	}
	for _, t := range v.tasks {
		if t.State != compute.TaskStopped {
			return true
		}
	}
	return false
}

// look returns what has changed since the last look. Tasks come first: what was lost
// with a host is then told before the host is gone.
func (b *Backend) look(ctx context.Context, seen *view) ([]compute.News, error) {
	tasks, err := b.ListTasks(ctx)
	if err != nil {
		return nil, err
	}
	var news []compute.News
	now := make(map[string]compute.TaskStatus, len(tasks))
	for _, t := range tasks {
		now[t.ID] = t
		if before, ok := seen.tasks[t.ID]; !ok || before.Version != t.Version || before.State != t.State {
			news = append(news, compute.News{Task: &t})
		}
	}
	seen.tasks = now
	hosts, err := b.ListHosts(ctx)
	if err != nil {
		return news, err
	}
	there := make(map[string]compute.Host, len(hosts))
	for _, h := range hosts {
		there[h.ID] = h
		if before, ok := seen.hosts[h.ID]; !ok || before.Version != h.Version || before.State != h.State {
			news = append(news, compute.News{Host: &h})
		}
	}
	for id, h := range seen.hosts {
		if _, ok := there[id]; !ok {
			end := gone(id, h.Environment, h.Cluster, h.Instance, b.whyGone(ctx, h.Instance))
			news = append(news, compute.News{Host: &end})
		}
	}
	seen.hosts = there
	return news, nil
}

// whyGone asks EC2 why an instance is not there any more.
func (b *Backend) whyGone(ctx context.Context, instance string) string {
	found, err := b.describe(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{instance}})
	if err != nil || len(found) == 0 {
		return "EC2 does not know it any more"
	}
	return whyOver(found[0])
}
