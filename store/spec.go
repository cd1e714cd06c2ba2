package store

import (
	"bytes"
	"context"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
)

// Spec is what was submitted: it never changes, but for its tags.
//
// Most are a few hundred bytes. Such a one is kept with the state of its job, so that
// a submission is one item and no transaction, which on DynamoDB is one write unit
// instead of four. A longer one is a record of its own, which no transition has to
// write again.
type Spec struct {
	Version int64                    `json:"-"`
	Request *awsbatch.SubmitJobInput `json:"r"`
	// Definition is the definition's "name:revision" as resolved at submission.
	Definition string            `json:"d"`
	Tags       map[string]string `json:"t,omitempty"`

	with *batch.Job // the state that it is kept with; nil when it is a record of its own
}

// maxWithState is how many bytes of an encoded Spec are kept with the state. Both
// together stay under a KiB on DynamoDB, compressed, also at the end of the job.
const maxWithState = 700

// The state and the Spec behind it are each a line: JSON has no line ends of its own.
const lineEnd = '\n'

func withSubmitted(state []byte, submitted string) []byte {
	if submitted == "" {
		return state
	}
	return append(append(state, lineEnd), submitted...)
}

func cutSubmitted(data []byte) (state, submitted []byte) {
	state, submitted, _ = bytes.Cut(data, []byte{lineEnd})
	return state, submitted
}

// PutNewJob writes a job and what was submitted, in one operation or in two of one
// Write.
func (r *Records) PutNewJob(j batch.Job, s Spec) []Op {
	spec := specRecord(j.ID, s)
	if len(spec.Item.Data) > maxWithState {
		return []Op{r.PutJob(j), spec}
	}
	j.Submitted = string(spec.Item.Data)
	return []Op{r.PutJob(j)}
}

// PutSpec writes what was submitted over what was read.
func (r *Records) PutSpec(id string, s Spec) Op {
	spec := specRecord(id, s)
	if s.with == nil {
		return spec
	}
	j := *s.with
	j.Submitted = string(spec.Item.Data)
	return r.PutJob(j)
}

func specKey(id string) Key { return Key{jobPartition(id), "spec"} }

func specRecord(id string, s Spec) Op {
	return put(specKey(id), s.Version, s, time.Time{})
}

// Spec returns what was submitted as job id, a plain job or an array parent.
func (r *Records) Spec(ctx context.Context, id string) (Spec, error) {
	item, err := r.table.Get(ctx, stateKey(id))
	if err == nil {
		if _, submitted := cutSubmitted(item.Data); len(submitted) > 0 {
			j, err := decodeJob(item, id)
			if err != nil {
				return Spec{}, err
			}
			return decodeSpec(j)
		}
	} else if !IsNotFound(err) {
		return Spec{}, err
	}
	return r.ownSpec(ctx, id)
}

// SpecOf is Spec for a job that was read, or for the array that it is a child of. It
// spares reading what is known.
func (r *Records) SpecOf(ctx context.Context, j batch.Job) (Spec, error) {
	if parent, _, child := batch.SplitChild(j.ID); child {
		return r.Spec(ctx, parent)
	}
	if j.Submitted != "" {
		return decodeSpec(j)
	}
	return r.ownSpec(ctx, j.ID)
}

func (r *Records) ownSpec(ctx context.Context, id string) (Spec, error) {
	var s Spec
	version, err := get(ctx, r.table, specKey(id), &s)
	s.Version = version
	return s, err
}

// decodeSpec reads the Spec that is kept with a job.
func decodeSpec(j batch.Job) (Spec, error) {
	s := Spec{Version: j.Version, with: &j}
	err := decode(Item{Key: stateKey(j.ID), Data: []byte(j.Submitted)}, &s)
	return s, err
}
