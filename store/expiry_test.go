package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// On DynamoDB a job that is one item goes by itself, which costs nothing; all others
// are purged, when those have had the time to go.
func TestOnDynamoDBAJobOfOneItemExpires(t *testing.T) {
	ended := func(edits ...func(*batch.Job)) batch.Job {
		return runnable("j1", batch.MillisOf(today.Add(-9*day)), append([]func(*batch.Job){in(batch.Succeeded), func(j *batch.Job) {
			j.StoppedAt, j.Attempts = batch.MillisOf(today.Add(-8*day)), 1
		}}, edits...)...)
	}
	tests := map[string]struct {
		job     batch.Job
		spec    store.Spec
		expires bool
	}{
		"ended":               {ended(), specOf("x"), true},
		"failed":              {ended(func(j *batch.Job) { j.Status = batch.Failed }), specOf("x"), true},
		"with a spec apart":   {ended(), specOf(strings.Repeat("x", 1000)), false},
		"with other attempts": {ended(func(j *batch.Job) { j.Attempts = 2 }), specOf("x"), false},
		"an array":            {ended(func(j *batch.Job) { j.Array = &batch.Array{Size: 2} }), specOf("x"), false},
		"a child":             {ended(func(j *batch.Job) { j.ID = "j1:0" }), specOf("x"), false},
		"not ended":           {ended(func(j *batch.Job) { j.Status = batch.Running }), specOf("x"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := over(t, storetest.Scattered(mem.Open()))
			b.write(b.PutNewJob(test.job, test.spec)...)
			key := store.Key{Partition: "job#j1", Sort: "state"}
			if strings.Contains(test.job.ID, ":") {
				key.Sort = "child#0000000"
			}
			item, err := b.Table().Get(b.ctx, key)
			b.must(err)
			want := time.Time{}
			if test.expires {
				want = today.Add(-8 * day).Add(store.Retention)
			}
			if !item.Expires.Equal(want) {
				t.Errorf("it expires at %v, want %v", item.Expires, want)
			}
		})
	}
}

func TestOnDynamoDBPurgingWaitsForWhatExpires(t *testing.T) {
	b := over(t, storetest.Scattered(mem.Open()))
	b.family("lately", batch.Succeeded, 12*day, 10*day)
	b.family("long-ago", batch.Failed, 14*day, 12*day)
	gone, err := b.PurgeJobs(b.ctx, "q", today, 100)
	b.must(err)
	b.wants("purged", gone, "long-ago")
}
