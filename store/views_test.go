package store_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// What Records that are alone keep of queues, environments and definitions is always what
// is stored.
func TestViewsAreWhatIsStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx, table := t.Context(), mem.Open()
		alone, fresh := store.New(table, store.Options{Alone: true}), store.New(table, store.Options{})
		same := func(what string, kept, stored any) {
			t.Helper()
			if diff := cmp.Diff(stored, kept, cmpopts.EquateErrors(), cmpopts.IgnoreUnexported(
				types.JobQueueDetail{}, types.ComputeEnvironmentDetail{}, types.JobDefinition{})); diff != "" {
				t.Fatalf("%s is not what is stored (-stored +kept):\n%s", what, diff)
			}
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			name := fmt.Sprint("n", rapid.IntRange(0, 2).Draw(t, "name"))
			var op store.Op
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				q, _ := fresh.Queue(ctx, name)
				q.Detail.JobQueueName, q.CreatedAt = &name, q.CreatedAt+1
				op = alone.PutQueue(q)
			case 1:
				e, _ := fresh.Environment(ctx, name)
				e.Detail.ComputeEnvironmentName, e.Unjoined = &name, e.Unjoined+1
				op = alone.PutEnvironment(e)
			case 2:
				e, err := fresh.Environment(ctx, name)
				if err != nil {
					continue
				}
				op = alone.DeleteEnvironment(e)
			case 3:
				newest, _ := fresh.ViewLatest(ctx, name)
				revision := int32(1)
				if newest.Detail.Revision != nil {
					revision = *newest.Detail.Revision + 1
				}
				status := "ACTIVE"
				var d store.Definition
				d.Detail.JobDefinitionName, d.Detail.Revision, d.Detail.Status = &name, &revision, &status
				op = alone.PutDefinition(d)
			case 4:
				op = alone.PutQueue(store.Queue{Version: 1000, Detail: types.JobQueueDetail{JobQueueName: &name}}) // a conflict
			}
			if err := alone.Write(ctx, op); err != nil && !store.IsConflict(err) {
				t.Fatal(err)
			}
			for range 2 {
				queue, err := alone.ViewQueue(ctx, name)
				stored, otherErr := fresh.ViewQueue(ctx, name)
				same("the queue", queue, stored)
				same("the error", err, otherErr)
				queues, _ := alone.ViewQueues(ctx)
				storedQueues, _ := fresh.ViewQueues(ctx)
				same("the queues", queues, storedQueues)
				env, _ := alone.ViewEnvironment(ctx, name)
				storedEnv, _ := fresh.ViewEnvironment(ctx, name)
				same("the environment", env, storedEnv)
				envs, _ := alone.ViewEnvironments(ctx)
				storedEnvs, _ := fresh.ViewEnvironments(ctx)
				same("the environments", envs, storedEnvs)
				newest, _ := alone.ViewLatest(ctx, name)
				storedNewest, _ := fresh.ViewLatest(ctx, name)
				same("the definition", newest, storedNewest)
			}
		}
	})
}
