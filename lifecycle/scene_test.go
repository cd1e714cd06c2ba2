package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// reporter is what a scene needs of a test; *testing.T and *rapid.T are both.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// scene is a queue "q", a definition "d" and a lifecycle over a table in memory. The
// test plays the engine: it starts and ends jobs.
type scene struct {
	t    reporter
	ctx  context.Context
	now  time.Time
	made int
	*lifecycle.Lifecycle
	jobs *jobs.Jobs
}

func newScene(t reporter, table store.Table) *scene {
	s := &scene{t: t, ctx: context.Background(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	records := s.open(table)
	queue := store.Queue{Detail: types.JobQueueDetail{JobQueueName: new("q")}}
	def := store.Definition{Detail: types.JobDefinition{
		JobDefinitionName: new("d"), Revision: new(int32(1)),
		ContainerProperties: &types.ContainerProperties{Image: new("busybox"), ResourceRequirements: []types.ResourceRequirement{
			{Type: types.ResourceTypeVcpu, Value: new("1")}, {Type: types.ResourceTypeMemory, Value: new("64")}}},
	}}
	s.must(records.Write(s.ctx, append(records.PutNewDefinition(def, 0), records.PutQueue(queue))...))
	return s
}

// open makes a lifecycle over a table, as after a start.
func (s *scene) open(table store.Table) *store.Records {
	records := store.New(table, store.Options{})
	now := func() time.Time { return s.now }
	s.Lifecycle = &lifecycle.Lifecycle{Records: records, Now: now, Writers: 1}
	s.jobs = &jobs.Jobs{Records: records, Lifecycle: s.Lifecycle, Now: now, Kick: func(string) {}, NewID: func() string {
		s.made++
		return fmt.Sprintf("job-%03d", s.made)
	}}
	return records
}

func inMemory(t *testing.T) *scene { return newScene(t, mem.Open()) }

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("%v", err)
	}
}

// submit submits a job, changed by edits.
func (s *scene) submit(edits ...func(*awsbatch.SubmitJobInput)) string {
	s.t.Helper()
	id, err := s.trySubmit(edits...)
	s.must(err)
	return id
}

func (s *scene) trySubmit(edits ...func(*awsbatch.SubmitJobInput)) (string, error) {
	in := &awsbatch.SubmitJobInput{JobName: new("j"), JobQueue: new("q"), JobDefinition: new("d")}
	for _, edit := range edits {
		edit(in)
	}
	out, err := s.jobs.SubmitJob(s.ctx, in)
	if err != nil {
		return "", err
	}
	return *out.JobId, nil
}

func array(size int) func(*awsbatch.SubmitJobInput) {
	return func(in *awsbatch.SubmitJobInput) { in.ArrayProperties = &types.ArrayProperties{Size: new(int32(size))} }
}

// after makes a job wait for others as a whole.
func after(ids ...string) func(*awsbatch.SubmitJobInput) {
	return func(in *awsbatch.SubmitJobInput) {
		for _, id := range ids {
			in.DependsOn = append(in.DependsOn, types.JobDependency{JobId: &id})
		}
	}
}

// beside makes the children of an array wait for their counterparts in others.
func beside(ids ...string) func(*awsbatch.SubmitJobInput) {
	return func(in *awsbatch.SubmitJobInput) {
		for _, id := range ids {
			in.DependsOn = append(in.DependsOn, types.JobDependency{JobId: &id, Type: types.ArrayJobDependencyNToN})
		}
	}
}

// inSequence makes the children of an array wait for each other.
func inSequence(in *awsbatch.SubmitJobInput) {
	in.DependsOn = append(in.DependsOn, types.JobDependency{Type: types.ArrayJobDependencySequential})
}

// job returns a job or a child, whether it has a record or not.
func (s *scene) job(id string) batch.Job {
	s.t.Helper()
	known, err := s.Describe(s.ctx, []string{id})
	s.must(err)
	j, ok := known[id]
	if !ok {
		s.t.Fatalf("there is no job %s", id)
	}
	return j
}

// wants checks the status of jobs.
func (s *scene) wants(status batch.Status, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		if j := s.job(id); j.Status != status {
			s.t.Errorf("%s is %s (%s), want %s", id, j.Status, j.Reason, status)
		}
	}
}

// move makes one transition of a job, as the engine does.
func (s *scene) move(id string, to batch.Status) error {
	dispatch := false // the next child of a plain array has no record yet
	if _, _, child := batch.SplitChild(id); child && to == batch.Starting {
		_, err := s.Records.Job(s.ctx, id)
		dispatch = store.IsNotFound(err)
	}
	return s.Apply(s.ctx, []lifecycle.Update{{ID: id, Dispatch: dispatch, Change: func(j batch.Job) (batch.Job, []store.Op, error) {
		j, err := j.Transition(to, "as the test says", batch.MillisOf(s.now))
		return j, nil, err
	}}})[0].Err
}

func (s *scene) start(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		s.must(s.move(id, batch.Starting))
	}
}

// ends lets jobs that were started end.
func (s *scene) ends(status batch.Status, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		s.must(s.move(id, status))
	}
}

// runs lets jobs run from start to end.
func (s *scene) runs(status batch.Status, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		s.start(id)
		s.ends(status, id)
	}
}

func (s *scene) stop(kind batch.StopKind, id string) {
	s.t.Helper()
	_, err := s.Stop(s.ctx, id, batch.Stop{Kind: kind, Reason: "enough", At: batch.MillisOf(s.now)})
	s.must(err)
}

// children returns the ids of some children.
func children(parent string, indexes ...int) []string {
	var ids []string
	for _, i := range indexes {
		ids = append(ids, batch.ChildID(parent, i))
	}
	return ids
}

// runnable lists what could be started now, in the order of dispatch: of a plain array
// its next child.
func (s *scene) runnable() []string {
	s.t.Helper()
	const most = 1000
	front, err := s.Records.Front(s.ctx, "q", "", most)
	s.must(err)
	var ids []string
	for _, j := range front {
		if j.Array == nil {
			ids = append(ids, j.ID)
			continue
		}
		for i := j.Array.Next; i < j.Array.Size; i++ {
			if c := s.job(batch.ChildID(j.ID, i)); c.Status == batch.Runnable && c.Version == 0 {
				ids = append(ids, c.ID)
				break
			}
		}
	}
	return ids
}

// families checks every array: its counts are those of its children, and it has ended
// exactly if they all have.
func (s *scene) families(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		parent := s.job(id)
		if parent.Array == nil {
			continue
		}
		records, err := s.Records.Children(s.ctx, id, 0, 0)
		s.must(err)
		var want batch.Counts
		for _, c := range records {
			want.Move("", c.Status, 1)
		}
		unstarted := parent.Array.Size - len(records)
		want.Move("", parent.UnstartedStatus(), unstarted)
		if parent.Array.Counts != want || parent.Array.Unstarted != unstarted {
			s.t.Errorf("%s counts %+v and %d unstarted; its children are %+v, %d of them unstarted",
				id, parent.Array.Counts, parent.Array.Unstarted, want, unstarted)
		}
		if ended := want.Ended() == parent.Array.Size; ended != batch.Final(parent.Status) {
			s.t.Errorf("%s is %s while %d of %d children have ended", id, parent.Status, want.Ended(), parent.Array.Size)
		}
		if batch.Final(parent.Status) && (parent.Status == batch.Succeeded) != (want.Failed == 0) {
			s.t.Errorf("%s is %s with %d failed children", id, parent.Status, want.Failed)
		}
		for i := range parent.Array.Next {
			if !slices.ContainsFunc(records, func(c batch.Job) bool { return c.ID == batch.ChildID(id, i) }) {
				s.t.Errorf("child %d of %s has no record, though dispatch passed it", i, id)
			}
		}
	}
}

// failedBecause checks that jobs failed since another did.
func (s *scene) failedBecause(on string, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		j := s.job(id)
		if j.Status != batch.Failed || !strings.HasPrefix(j.Reason, "Dependent Job failed: "+on) || j.StoppedAt == 0 {
			s.t.Errorf("%s is %s (%s), stopped at %d; want it failed because of %s", id, j.Status, j.Reason, j.StoppedAt, on)
		}
	}
}

var errTransition *batch.TransitionError

// refused reports whether err says that a job could not make a move, which is what
// happens to those who come late.
func refused(err error) bool {
	return errors.As(err, &errTransition) || errors.Is(err, lifecycle.ErrSkip)
}
