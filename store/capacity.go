package store

import (
	"context"
	"errors"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// IsNotFound reports whether err says that there is no such record.
func IsNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// Host is the record of a host, written before it is asked for.
type Host struct {
	Version     int64             `json:"-"`
	ID          string            `json:"i"` // ours, and compute's idempotency token
	Environment string            `json:"e"`
	Cluster     string            `json:"cl"`
	Type        string            `json:"t"`
	Market      compute.Market    `json:"m,omitempty"`
	State       compute.HostState `json:"s"`
	Instance    string            `json:"in,omitempty"` // EC2 instance id
	Ref         string            `json:"rf,omitempty"` // ECS's id of the container instance; see compute.Host
	Zone        string            `json:"z,omitempty"`
	PrivateIP   string            `json:"ip,omitempty"`
	Has         batch.Resources   `json:"h"`
	Arch        string            `json:"ar,omitempty"`
	CreatedAt   batch.Millis      `json:"ca"`
	ReadyAt     batch.Millis      `json:"ra,omitempty"`
	// IdleSince is when its last task ended; 0 while it has tasks.
	IdleSince batch.Millis `json:"is,omitempty"`
	GoneAt    batch.Millis `json:"ga,omitempty"`
	// MissedAt is when compute first did not show it; 0 while it does.
	MissedAt batch.Millis `json:"ma,omitempty"`
	Reason   string       `json:"r,omitempty"` // why it is gone
	// Taken says that EC2 told that it takes the host back.
	Taken bool `json:"tk,omitempty"`
	// For is the jobs that it was launched for, as provisioner.WriteMeant writes them.
	For string `json:"f,omitempty"`
}

// goneRetention is how long a host that is gone can still be described, as EC2
// shows terminated instances for about an hour.
const goneRetention = time.Hour

func hostPartition(environment string) string { return "host#" + environment }

func (h *Host) gone() bool { return h.State == compute.HostGone }

func hostKey(h Host) Key {
	if h.gone() {
		return Key{"gone#" + h.Environment, h.ID}
	}
	return Key{hostPartition(h.Environment), h.ID}
}

// PutHost writes a host at the version it was read at. One that goes from a living
// state to GONE takes MoveGone instead.
func (r *Records) PutHost(h Host) Op {
	return r.keepHost(h, put(hostKey(h), h.Version, h, time.Time{}))
}

// keepHost keeps with an operation the host that it writes, for those who follow.
func (r *Records) keepHost(h Host, op Op) Op {
	if r.opts.Alone {
		h.Version = op.If.Version + 1
		op.record = &h
	}
	return op
}

// MoveGone takes a host out of its environment and keeps it for goneRetention.
func (r *Records) MoveGone(h Host) []Op {
	living := h
	living.State = compute.HostReady
	h.State = compute.HostGone
	return []Op{
		Delete(hostKey(living), IfVersion(h.Version)),
		r.keepHost(h, put(hostKey(h), 0, h, h.GoneAt.Time().Add(goneRetention))),
	}
}

// Hosts returns the hosts of an environment that are not gone.
func (r *Records) Hosts(ctx context.Context, environment string) ([]Host, error) {
	partition := hostPartition(environment)
	var hosts []Host
	known := r.hosts.reading(partition, decodeHost)
	err := each(ctx, r.table, Query{Partition: partition}, 0, func(item Item) (bool, error) {
		h, err := known.decode(item)
		hosts = append(hosts, h)
		return true, err
	})
	if err == nil {
		known.done()
	}
	return hosts, err
}

func decodeHost(item Item) (h Host, err error) {
	err = decode(item, &h)
	h.Version = item.Version
	return h, err
}

// GoneHosts returns the hosts of an environment that went away lately.
func (r *Records) GoneHosts(ctx context.Context, environment string) ([]Host, error) {
	return all(ctx, r.table, "gone#"+environment, func(h *Host, v int64) { h.Version = v })
}

// Host returns a host of an environment that is not gone, or ErrNotFound.
func (r *Records) Host(ctx context.Context, environment, id string) (Host, error) {
	if environment == "" {
		return Host{}, ErrNotFound
	}
	return one(ctx, r.table, Key{hostPartition(environment), id}, func(h *Host, v int64) { h.Version = v })
}

// Share is the use that a share of a fair-share queue has made of capacity.
type Share struct {
	Version int64  `json:"-"`
	Queue   string `json:"-"`
	ID      string `json:"i"`
	// Usage is vCPU-seconds of ended attempts, decayed to the moment AsOf.
	Usage float64      `json:"u"`
	AsOf  batch.Millis `json:"at"`
	// SeenAt is when a job was submitted to it, to ShareSeenEvery.
	SeenAt batch.Millis `json:"s,omitempty"`
}

// ShareSeenEvery is how often at most a submission writes the record of its share, and
// ShareActiveFor is how long a share counts as active without a new job: long enough
// that the jobs submitted before are in every ordering, however it lags.
const (
	ShareSeenEvery = time.Minute
	ShareActiveFor = time.Hour
)

// Active reports whether a share had a job lately, or used capacity.
func (s Share) Active(now time.Time) bool {
	return now.Sub(max(s.SeenAt, s.AsOf).Time()) < ShareActiveFor
}

// sharePrefix begins the partitions of shares, one for each queue.
const sharePrefix = "share#"

func shareKey(queue, id string) Key { return Key{sharePrefix + queue, id} }

// PutShare writes the use of a share.
func (r *Records) PutShare(s Share) Op {
	return put(shareKey(s.Queue, s.ID), s.Version, s, time.Time{})
}

// Share returns a share of a queue, or ErrNotFound.
func (r *Records) Share(ctx context.Context, queue, id string) (Share, error) {
	s := Share{Queue: queue, ID: id}
	if id == "" {
		return s, ErrNotFound
	}
	version, err := get(ctx, r.table, shareKey(queue, id), &s)
	s.Version, s.Queue = version, queue
	return s, err
}

// DeleteShare forgets a share that is no longer active.
func (r *Records) DeleteShare(s Share) Op {
	return Delete(shareKey(s.Queue, s.ID), IfVersion(s.Version))
}

// Shares returns all known shares of a queue.
func (r *Records) Shares(ctx context.Context, queue string) ([]Share, error) {
	shares, err := all(ctx, r.table, sharePrefix+queue, func(s *Share, v int64) { s.Version = v })
	for i := range shares {
		shares[i].Queue = queue
	}
	return shares, err
}
