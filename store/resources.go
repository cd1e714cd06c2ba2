package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// Environment is a compute environment as the wire shows it, with what the engine
// keeps beside it.
type Environment struct {
	Version int64                          `json:"-"`
	Detail  types.ComputeEnvironmentDetail `json:"d"`
	// CreatedAt is when it was made.
	CreatedAt batch.Millis `json:"c"`
	// ReplaceBefore is when an update last changed what its hosts are made of: hosts
	// created before take no more jobs and are replaced, by Detail.UpdatePolicy. 0
	// when that never happened.
	ReplaceBefore batch.Millis `json:"rb,omitempty"`
	// Unjoined counts the hosts in a row that were launched and never took tasks.
	Unjoined int `json:"uj,omitempty"`
}

// Name returns the environment's name.
func (e Environment) Name() string { return deref(e.Detail.ComputeEnvironmentName) }

// Cluster returns the name of its ECS cluster.
func (e Environment) Cluster() string {
	return clusterName(deref(e.Detail.EcsClusterArn))
}

func clusterName(arn string) string {
	for i := len(arn) - 1; i >= 0; i-- {
		if arn[i] == '/' {
			return arn[i+1:]
		}
	}
	return arn
}

// Queue is a job queue as the wire shows it.
type Queue struct {
	Version   int64                `json:"-"`
	Detail    types.JobQueueDetail `json:"d"`
	CreatedAt batch.Millis         `json:"c"`
	// DeletedAt is when its deletion was asked for, 0 until then.
	DeletedAt batch.Millis `json:"x,omitempty"`
}

// Name returns the queue's name.
func (q Queue) Name() string { return deref(q.Detail.JobQueueName) }

// FairShare reports whether the queue shares by shareIdentifier; otherwise it is
// first in, first out.
func (q Queue) FairShare() bool { return deref(q.Detail.SchedulingPolicyArn) != "" }

// Environments returns the names of the queue's environments in their order. The
// detail keeps them as they were sent, since that is what AWS Batch shows.
func (q Queue) Environments() []string {
	order := slices.Clone(q.Detail.ComputeEnvironmentOrder)
	slices.SortStableFunc(order, func(a, b types.ComputeEnvironmentOrder) int {
		return cmp.Compare(deref(a.Order), deref(b.Order))
	})
	names := make([]string, 0, len(order))
	for _, o := range order {
		names = append(names, batch.NameOf("compute-environment", deref(o.ComputeEnvironment)))
	}
	return names
}

// Policy is a scheduling policy as the wire shows it.
type Policy struct {
	Version int64                        `json:"-"`
	Detail  types.SchedulingPolicyDetail `json:"d"`
}

// Name returns the policy's name.
func (p Policy) Name() string { return deref(p.Detail.Name) }

// Definition is one revision of a job definition as the wire shows it.
type Definition struct {
	Version   int64               `json:"-"`
	Detail    types.JobDefinition `json:"d"`
	CreatedAt batch.Millis        `json:"c"`
	// InactiveAt is when it was deregistered, 0 until then.
	InactiveAt batch.Millis `json:"ia,omitempty"`
}

// inactiveRetention is how long a deregistered definition can still be described
// (API reference, DeregisterJobDefinition).
const inactiveRetention = 180 * 24 * time.Hour

// Name and Revision identify a definition.
func (d Definition) Name() string { return deref(d.Detail.JobDefinitionName) }

// Revision counts from 1.
func (d Definition) Revision() int32 { return deref(d.Detail.Revision) }

// Active reports whether jobs may be submitted with it.
func (d Definition) Active() bool { return deref(d.Detail.Status) != Inactive }

// The states of a definition.
const (
	Active   = "ACTIVE"
	Inactive = "INACTIVE"
)

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// PutEnvironment, PutQueue and PutPolicy write a resource at the version it was
// read at; the Delete functions remove it at that version.
func (r *Records) PutEnvironment(e Environment) Op {
	return put(Key{"environment", e.Name()}, e.Version, e, time.Time{})
}

// DeleteEnvironment removes an environment.
func (r *Records) DeleteEnvironment(e Environment) Op {
	return Delete(Key{"environment", e.Name()}, IfVersion(e.Version))
}

// Environment returns the environment of a name, or ErrNotFound.
func (r *Records) Environment(ctx context.Context, name string) (Environment, error) {
	return one(ctx, r.table, Key{"environment", name}, func(e *Environment, v int64) { e.Version = v })
}

// Environments returns all environments by name.
func (r *Records) Environments(ctx context.Context) ([]Environment, error) {
	return all(ctx, r.table, "environment", func(e *Environment, v int64) { e.Version = v })
}

// PutQueue writes a queue.
func (r *Records) PutQueue(q Queue) Op {
	return put(Key{"queue", q.Name()}, q.Version, q, time.Time{})
}

// DeleteQueue removes a queue.
func (r *Records) DeleteQueue(q Queue) Op {
	return Delete(Key{"queue", q.Name()}, IfVersion(q.Version))
}

// FormerQueue is the record of a queue that is gone while jobs of it may remain, or may
// still come.
type FormerQueue struct {
	Name string `json:"n"`
	// RetiredAt is when it went; 0 is long ago.
	RetiredAt batch.Millis `json:"a,omitempty"`
}

func formerKey(name string) Key { return Key{"queue.former", name} }

// RetireQueue removes a queue and remembers its name, so that the jobs that ended in
// it are still found and purged (see PurgeJobs), and those that were submitted while it
// went are found and ended.
func (r *Records) RetireQueue(ctx context.Context, q Queue, now time.Time) ([]Op, error) {
	var known FormerQueue
	version, err := get(ctx, r.table, formerKey(q.Name()), &known)
	if err != nil && !IsNotFound(err) {
		return nil, err
	}
	remember := put(formerKey(q.Name()), version, FormerQueue{q.Name(), batch.MillisOf(now)}, time.Time{})
	return []Op{r.DeleteQueue(q), remember}, nil
}

// FormerQueues returns the queues that were retired and not forgotten. A queue of such a
// name may have been made anew.
func (r *Records) FormerQueues(ctx context.Context) ([]FormerQueue, error) {
	return all(ctx, r.table, "queue.former", func(*FormerQueue, int64) {})
}

// ForgetQueue drops the memory of a retired queue, when no jobs of it remain.
func (r *Records) ForgetQueue(name string) Op { return Delete(formerKey(name), Always()) }

// Queue returns the queue of a name, or ErrNotFound.
func (r *Records) Queue(ctx context.Context, name string) (Queue, error) {
	return one(ctx, r.table, Key{"queue", name}, func(q *Queue, v int64) { q.Version = v })
}

// Queues returns all queues by name.
func (r *Records) Queues(ctx context.Context) ([]Queue, error) {
	return all(ctx, r.table, "queue", func(q *Queue, v int64) { q.Version = v })
}

// PutPolicy writes a scheduling policy.
func (r *Records) PutPolicy(p Policy) Op {
	return put(Key{"policy", p.Name()}, p.Version, p, time.Time{})
}

// DeletePolicy removes a scheduling policy.
func (r *Records) DeletePolicy(p Policy) Op {
	return Delete(Key{"policy", p.Name()}, IfVersion(p.Version))
}

// Policy returns the scheduling policy of a name, or ErrNotFound.
func (r *Records) Policy(ctx context.Context, name string) (Policy, error) {
	return one(ctx, r.table, Key{"policy", name}, func(p *Policy, v int64) { p.Version = v })
}

// Policies returns all scheduling policies by name.
func (r *Records) Policies(ctx context.Context) ([]Policy, error) {
	return all(ctx, r.table, "policy", func(p *Policy, v int64) { p.Version = v })
}

// one reads the record under key, or ErrNotFound.
func one[T any](ctx context.Context, t Table, key Key, version func(*T, int64)) (T, error) {
	var record T
	v, err := get(ctx, t, key, &record)
	version(&record, v)
	return record, err
}

// all reads a whole partition. It is for the few: environments, queues, policies.
func all[T any](ctx context.Context, t Table, partition string, version func(*T, int64)) ([]T, error) {
	var out []T
	err := each(ctx, t, Query{Partition: partition}, 0, func(item Item) (bool, error) {
		var record T
		if err := decode(item, &record); err != nil {
			return false, err
		}
		version(&record, item.Version)
		out = append(out, record)
		return true, nil
	})
	return out, err
}

// definitionPrefix begins the partitions of definitions, one for each name.
const definitionPrefix = "definition#"

func definitionKey(name string, revision int32) Key {
	return Key{definitionPrefix + name, fmt.Sprintf("%09d", revision)}
}

// latest counts the revisions of a definition: a number is never given twice.
type latest struct {
	Revision int32 `json:"r"`
}

func latestKey(name string) Key { return Key{definitionPrefix + name, "latest"} }

// LatestRevision returns the highest revision ever given to a name, 0 if none, and
// the version to hand to PutNewDefinition.
func (r *Records) LatestRevision(ctx context.Context, name string) (revision int32, version int64, err error) {
	var l latest
	version, err = get(ctx, r.table, latestKey(name), &l)
	if IsNotFound(err) {
		return 0, 0, nil
	}
	return l.Revision, version, err
}

// PutNewDefinition writes a new revision and the count of revisions, both or
// neither.
func (r *Records) PutNewDefinition(d Definition, latestVersion int64) []Op {
	return []Op{
		put(latestKey(d.Name()), latestVersion, latest{d.Revision()}, time.Time{}),
		r.PutDefinition(d),
	}
}

// PutDefinition writes a revision.
func (r *Records) PutDefinition(d Definition) Op {
	state, expires := Active, time.Time{}
	if !d.Active() {
		state = Inactive
		if d.InactiveAt > 0 {
			expires = d.InactiveAt.Time().Add(inactiveRetention)
		}
	}
	return put(definitionKey(d.Name(), d.Revision()), d.Version, d, expires,
		Entry{OrderList, definitionPrefix + state, fmt.Sprintf("%s#%09d", d.Name(), d.Revision())})
}

// Definition returns a revision of a definition, or ErrNotFound.
func (r *Records) Definition(ctx context.Context, name string, revision int32) (Definition, error) {
	if name == "" {
		return Definition{}, ErrNotFound
	}
	return one(ctx, r.table, definitionKey(name, revision), func(d *Definition, v int64) { d.Version = v })
}

// DefinitionPage is a page of definitions.
type DefinitionPage struct {
	Definitions []Definition
	Next        string
}

// DefinitionsNamed returns the revisions of a name, newest first.
func (r *Records) DefinitionsNamed(ctx context.Context, name string, limit int, after string) (DefinitionPage, error) {
	return r.definitions(ctx, Query{
		Partition: definitionPrefix + name, Before: "latest", Descending: true, Limit: limit, After: after,
	})
}

// Definitions returns the definitions in a state, newest revision of a name first,
// names in descending order.
func (r *Records) Definitions(ctx context.Context, state string, limit int, after string) (DefinitionPage, error) {
	return r.definitions(ctx, Query{
		Ordering: OrderList, Partition: definitionPrefix + state, Descending: true, Limit: limit, After: after,
	})
}

func (r *Records) definitions(ctx context.Context, q Query) (DefinitionPage, error) {
	page, err := r.table.Query(ctx, q)
	if err != nil {
		return DefinitionPage{}, err
	}
	out := DefinitionPage{Next: page.Next}
	for _, item := range page.Items {
		var d Definition
		if err := decode(item, &d); err != nil {
			return DefinitionPage{}, err
		}
		d.Version = item.Version
		out.Definitions = append(out.Definitions, d)
	}
	return out, nil
}
