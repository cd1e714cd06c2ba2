package store

import (
	"context"
	"sync"

	"github.com/packhorse-batch/packhorse/batch"
)

// Follower tells what has become of the jobs that hold a place on a host, and of the
// hosts, since it was asked last, so that whoever keeps them in memory reads each change
// once and not all of them each time. Make it with Records.Follow.
//
// Records that are alone with their table (Options.Alone) note each write when it is made.
// Others read what there is and compare versions: nothing that another program wrote is
// missed, and what has not changed is at least not decoded again.
type Follower struct {
	r *Records

	mu   sync.Mutex
	anew bool
	// written are changes, with Options.Alone; of one record, in the order of its versions.
	written Changes
	// groups are what the partitions had when they were read last, without it.
	groups map[string]*group
	looks  uint64
}

// Changes is what a Follower tells. Of several changes of one record the last counts.
// What the records point to is shared, and must not be changed.
type Changes struct {
	// Anew says that all there is follows: what was known before is out of date.
	Anew  bool
	Jobs  []JobChange
	Hosts []HostChange
}

// JobChange is a job that holds a place on a host as it is now, or, with Gone, one that
// does not any more: then only its ID counts.
type JobChange struct {
	Job  batch.Job
	Gone bool
}

// HostChange is the same for a host; of one that is gone ID and Environment count.
type HostChange struct {
	Host Host
	Gone bool
}

// maxWritten bounds the changes that wait for somebody to ask; behind it all is read again.
const maxWritten = 100_000

// Follow returns a follower that tells everything at first. Close it when it is no longer
// asked.
func (r *Records) Follow() *Follower {
	f := &Follower{r: r, anew: true}
	if r.opts.Alone {
		r.notes.follow(f)
	}
	return f
}

// Close lets the records forget the follower.
func (f *Follower) Close() { f.r.notes.unfollow(f) }

// Changes returns what has changed among the live jobs of queues, children of arrays
// included, and the hosts of environments, since it was asked last. Those of queues and
// environments that are no longer named are gone. After an error the next answer tells
// everything.
func (f *Follower) Changes(ctx context.Context, queues, environments []string) (Changes, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.r.opts.Alone && !f.anew {
		changes := f.written
		f.written = Changes{Jobs: changes.Jobs[len(changes.Jobs):], Hosts: changes.Hosts[len(changes.Hosts):]}
		return changes, nil
	}
	if f.anew {
		f.groups = map[string]*group{}
	}
	out := Changes{Anew: f.anew}
	f.looks++
	f.anew = true // until all is read
	for _, name := range environments {
		if err := f.readHosts(ctx, name, &out); err != nil {
			return Changes{}, err
		}
	}
	for _, name := range queues {
		for _, phase := range []Phase{Live, LiveChild} {
			if err := f.readJobs(ctx, listPartition(name, phase), &out); err != nil {
				return Changes{}, err
			}
		}
	}
	for partition, g := range f.groups {
		if g.look != f.looks {
			g.drop(f.looks, &out)
			delete(f.groups, partition)
		}
	}
	if f.written, f.anew = (Changes{}), false; f.r.opts.Alone {
		f.groups = nil // from now on each write is noted
	}
	return out, nil
}

// group is what a partition had.
type group struct {
	environment string // empty for one of jobs
	look        uint64 // when it was read last
	read        int    // how many it had then
	known       map[string]seen
}

// seen is a record by its id.
type seen struct {
	version int64
	look    uint64
}

// read begins to read a partition.
func (f *Follower) read(partition, environment string) *group {
	g := f.groups[partition]
	if g == nil {
		g = &group{environment: environment, known: map[string]seen{}}
		f.groups[partition] = g
	}
	g.look, g.read = f.looks, 0
	return g
}

// news reports whether a record is not as it was read last, and notes it.
func (g *group) news(id string, version int64) bool {
	was, known := g.known[id]
	if g.known[id] = (seen{version, g.look}); was.look != g.look {
		g.read++
	}
	return !known || was.version != version
}

// drop tells of those that a look did not find.
func (g *group) drop(look uint64, out *Changes) {
	if g.look == look && g.read == len(g.known) {
		return
	}
	for id, s := range g.known {
		if s.look == look {
			continue
		}
		delete(g.known, id)
		if g.environment != "" {
			out.Hosts = append(out.Hosts, HostChange{Host: Host{ID: id, Environment: g.environment}, Gone: true})
		} else {
			out.Jobs = append(out.Jobs, JobChange{Job: batch.Job{ID: id}, Gone: true})
		}
	}
}

func (f *Follower) readHosts(ctx context.Context, environment string, out *Changes) error {
	g := f.read(hostPartition(environment), environment)
	read := decodeHost
	if out.Anew { // a sweep may have read them a moment ago
		read = f.r.hosts.reading(hostPartition(environment), decodeHost).decode
	}
	err := each(ctx, f.r.table, Query{Partition: hostPartition(environment)}, 0, func(item Item) (bool, error) {
		if !g.news(item.Key.Sort, item.Version) {
			return true, nil
		}
		h, err := read(item)
		out.Hosts = append(out.Hosts, HostChange{Host: h})
		return true, err
	})
	if err == nil {
		g.drop(f.looks, out)
	}
	return err
}

func (f *Follower) readJobs(ctx context.Context, partition string, out *Changes) error {
	g := f.read(partition, "")
	read := decodeStored
	if out.Anew {
		read = f.r.live.reading(partition, decodeStored).decode
	}
	err := each(ctx, f.r.table, Query{Ordering: OrderList, Partition: partition}, 0, func(item Item) (bool, error) {
		id, ok := idOf(item.Key)
		if !ok {
			return true, nil
		}
		if !g.news(id, item.Version) {
			return true, nil
		}
		j, err := read(item)
		out.Jobs = append(out.Jobs, JobChange{Job: j})
		return true, err
	})
	if err == nil {
		g.drop(f.looks, out)
	}
	return err
}

// hear takes changes that were written.
func (f *Follower) hear(c Changes) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.anew {
		return // all will be read
	}
	f.written.Jobs, f.written.Hosts = append(f.written.Jobs, c.Jobs...), append(f.written.Hosts, c.Hosts...)
	if len(f.written.Jobs)+len(f.written.Hosts) > maxWritten {
		f.forgetAll()
	}
}

// Reread lets the next answer tell everything, as it is stored, and fronts be read again too.
func (f *Follower) Reread() {
	f.forget()
	f.r.lines.forget()
}

// forget lets all be read again: what is stored is not known.
func (f *Follower) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgetAll()
}

func (f *Follower) forgetAll() { f.written, f.anew = Changes{}, true }
