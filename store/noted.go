package store

import (
	"math"
	"slices"
	"sync"

	"github.com/packhorse-batch/packhorse/batch"
)

// notes tell followers what was written, for Records that are alone with their table
// (Options.Alone).
//
// Writers note what they wrote when they know that it is stored, so that of two writes of
// one record the later may be noted first. The versions tell: a note that is older than
// one before it counts no more. They are remembered for as long as a write is under way
// that began before they were noted, which eras bound: an era ends when no write of the
// era before it is under way any more, and its versions are forgotten when the next one
// ends.
type notes struct {
	mu        sync.Mutex
	followers []*Follower
	// young are the versions noted in this era, old those of the one before, by record.
	young, old map[string]int64
	era        uint64
	// flying counts the writes under way, by the last bit of the era in which they began.
	flying [2]int
}

// eraLength is how many records are noted before an era may end.
const eraLength = 1000

// begin notes that a write begins, and returns its era.
func (n *notes) begin() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.flying[n.era&1]++
	return n.era
}

// end notes what a write of an era did, by its error.
func (n *notes) end(era uint64, ops []Op, err error, lines *lines) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case err == nil:
		n.tell(ops, lines)
	case !IsConflict(err): // it may be written all the same
		for _, f := range n.followers {
			f.forget()
		}
		lines.forget()
	}
	n.flying[era&1]--
	if len(n.young) < eraLength || n.flying[(n.era+1)&1] > 0 {
		return
	}
	clear(n.old)
	n.young, n.old = n.old, n.young
	n.era++
}

// tell hands on what is new of operations.
func (n *notes) tell(ops []Op, lines *lines) {
	if n.young == nil {
		n.young, n.old = map[string]int64{}, map[string]int64{}
	}
	fresh := func(id string, version int64) bool {
		if version <= max(n.young[id], n.old[id]) {
			return false
		}
		n.young[id] = version
		return true
	}
	var heard Changes
	for i := range ops {
		switch record := ops[i].record.(type) {
		case *batch.Job:
			if fresh(record.ID, record.Version) {
				lines.wrote(record, ops[i].Item.Entries)
				heard.Jobs = append(heard.Jobs, JobChange{Job: *record, Gone: PhaseOf(record.Status) != Live})
			}
		case *Host:
			version := record.Version
			if record.gone() {
				version = math.MaxInt64 // it is another record, and the last of this host
			}
			if fresh(hostPartition(record.Environment)+"/"+record.ID, version) {
				heard.Hosts = append(heard.Hosts, HostChange{Host: *record, Gone: record.gone()})
			}
		default:
			if id, is := idOf(ops[i].Item.Key); is && ops[i].Delete {
				lines.removed(id)
				delete(n.young, id) // a job of the same id would be another one, from version 1 on
				delete(n.old, id)
			}
		}
	}
	if len(heard.Jobs)+len(heard.Hosts) == 0 {
		return
	}
	for _, f := range n.followers {
		f.hear(heard)
	}
}

func (n *notes) follow(f *Follower) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.followers = append(n.followers, f)
}

func (n *notes) unfollow(f *Follower) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.followers = slices.DeleteFunc(n.followers, func(other *Follower) bool { return other == f })
}
