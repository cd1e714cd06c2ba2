package engine

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/scheduler"
	"github.com/packhorse-batch/packhorse/store"
)

// defaultDecaySeconds is the window of a policy with shareDecaySeconds 0 (SDK
// documentation of FairsharePolicy).
const defaultDecaySeconds = 600

// newJobSeconds is how much use a job counts at once when it starts: a minute, the
// least that EC2 bills.
const newJobSeconds = 60

// minShareFront is how many jobs of each share a pass looks at, however many shares
// there are.
const minShareFront = 20

// decayed returns use after some time. AWS Batch does not publish its curve; ours is
// exponential, and leaves 5 % (e^-3) at the end of the window.
func decayed(use float64, since, window time.Duration) float64 {
	if since <= 0 {
		return use
	}
	return use * math.Exp(-3*since.Seconds()/window.Seconds())
}

// policy is a scheduling policy as the engine uses it.
type policy struct {
	window  time.Duration
	reserve float64 // computeReservation / 100
	weights func(share string) (weight float64, prefix string)
}

func (e *Engine) policy(ctx context.Context, q store.Queue) (policy, error) {
	p := policy{window: defaultDecaySeconds * time.Second, weights: func(string) (float64, string) { return 1, "" }}
	record, err := e.Records.Policy(ctx, batch.NameOf("scheduling-policy", deref(q.Detail.SchedulingPolicyArn)))
	if store.IsNotFound(err) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	fair := record.Detail.FairsharePolicy
	if fair == nil {
		return p, nil
	}
	if s := deref(fair.ShareDecaySeconds); s > 0 {
		p.window = time.Duration(s) * time.Second
	}
	p.reserve = float64(deref(fair.ComputeReservation)) / 100
	p.weights = func(share string) (float64, string) {
		for _, d := range fair.ShareDistribution {
			id, weight := deref(d.ShareIdentifier), float64(1)
			if d.WeightFactor != nil {
				weight = float64(*d.WeightFactor)
			}
			if prefix, ok := strings.CutSuffix(id, "*"); ok {
				if strings.HasPrefix(share, prefix) {
					return weight, id
				}
			} else if id == share {
				return weight, ""
			}
		}
		return 1, ""
	}
	return p, nil
}

// idleUse is the use, in vCPU-seconds, below which a share without jobs is no longer
// active.
const idleUse = 1

// loadShares reads the shares of a fair-share queue.
func (e *Engine) loadShares(ctx context.Context, w *world, q store.Queue, limit int) error {
	p, err := e.policy(ctx, q)
	if err != nil {
		return err
	}
	records, err := e.Records.Shares(ctx, q.Name())
	if err != nil {
		return err
	}
	now := e.Now()
	usage := map[string]float64{}
	for _, j := range w.roster.queues[q.Name()] {
		if j.StartedAt > 0 {
			ran := now.Sub(j.StartedAt.Time()).Seconds()
			usage[j.Share] += float64(j.Need.MilliVCPU) / 1000 * max(ran, newJobSeconds)
		} else {
			usage[j.Share] += float64(j.Need.MilliVCPU) / 1000 * newJobSeconds
		}
	}
	limit = max(minShareFront, limit/max(1, len(records)))
	active := 0
	under := map[string]int{} // active shares by prefix
	var shares []scheduler.Share
	for _, r := range records {
		share, err := e.loadShare(ctx, w, q.Name(), r.ID, limit)
		if err != nil {
			return err
		}
		share.Usage = usage[r.ID] + decayed(r.Usage, now.Sub(r.AsOf.Time()), p.window)
		if len(share.Jobs) > 0 || share.Usage >= idleUse {
			active++
			if _, prefix := p.weights(r.ID); prefix != "" {
				under[prefix]++
			}
		}
		shares = append(shares, share)
	}
	for i := range shares {
		weight, prefix := p.weights(shares[i].ID)
		if prefix != "" {
			// The factor of a prefix is for all its shares together (user guide,
			// "Scheduling policies", 2023).
			weight *= float64(max(1, under[prefix]))
		}
		shares[i].Weight = weight
	}
	w.fronts[q.Name()] = shares
	fair := &scheduler.FairShare{NewJobSeconds: newJobSeconds}
	if p.reserve > 0 {
		fair.Reserved = math.Pow(p.reserve, float64(max(1, active)))
	}
	w.fair[q.Name()] = fair
	return nil
}

// chargeShares adds the use of attempts that ended to their shares. It is
// bookkeeping: what a crash loses here fades anyway.
func (e *Engine) chargeShares(ctx context.Context, ended map[store.Share]float64) {
	for key, use := range ended {
		q, err := e.Records.Queue(ctx, key.Queue)
		if err != nil {
			continue
		}
		p, err := e.policy(ctx, q)
		if err != nil {
			continue
		}
		for range 3 {
			s, err := e.Records.Share(ctx, key.Queue, key.ID)
			if err != nil && !store.IsNotFound(err) {
				break
			}
			now := e.Now()
			s.Queue, s.ID = key.Queue, key.ID
			s.Usage = decayed(s.Usage, now.Sub(s.AsOf.Time()), p.window) + use
			s.AsOf = batch.MillisOf(now)
			if err := e.Records.Write(ctx, e.Records.PutShare(s)); !store.IsConflict(err) {
				break
			}
		}
	}
}
