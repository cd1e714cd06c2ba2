package amazon

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/packhorse-batch/packhorse/compute"
)

// EC2's lists lag behind its launches. So that a host that has just been launched is not
// taken for one that is gone, the launches of the last minute are one record, which every
// list is completed from. Two processes that write at once may lose an entry of each
// other; it takes a list in those very seconds for that to matter.

const recentKey = "launches"

// listedAfter is when EC2 surely lists what it has launched; it mostly does within a
// second.
const listedAfter = time.Minute

// noteRecent adds a host to the launches of the last minute.
func (b *Backend) noteRecent(ctx context.Context, h compute.Host) {
	b.recent.Lock()
	defer b.recent.Unlock()
	launches, err := b.recentLaunches(ctx)
	if err == nil {
		now := b.o.Now()
		err = remember(ctx, b.o.Memory, recentKey, append(launches, h), now.Add(listedAfter))
	}
	if err != nil {
		b.o.Log.Warn("a launch was not noted for lists that lag behind", "host", h.ID, "error", err)
	}
}

// recentLaunches returns the hosts launched in the last minute.
func (b *Backend) recentLaunches(ctx context.Context) ([]compute.Host, error) {
	all, _, err := recall[[]compute.Host](ctx, b.o.Memory, recentKey)
	if err != nil {
		return nil, err
	}
	now := b.o.Now()
	var young []compute.Host
	for _, h := range all {
		if now.Sub(h.LaunchedAt) < listedAfter {
			young = append(young, h)
		}
	}
	return young, nil
}

// unlisted returns the hosts that were launched so lately that EC2 does not list them
// yet.
func (b *Backend) unlisted(ctx context.Context, listed []compute.Host) ([]compute.Host, error) {
	launches, err := b.recentLaunches(ctx)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, h := range listed {
		there[h.Instance] = true
	}
	var missing []compute.Host
	for _, h := range launches {
		if there[h.Instance] {
			continue
		}
		// It may have ended already: then EC2 knows it.
		if record, ok, err := recall[launch](ctx, b.o.Memory, launchKey(h.ID)); err != nil || ok && record.Ended {
			if err != nil {
				return nil, err
			}
			continue
		}
		found, err := b.describe(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{h.Instance}})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			missing = append(missing, h)
		}
	}
	return missing, nil
}
