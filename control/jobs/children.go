package jobs

import (
	"context"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/lifecycle"
	"github.com/packhorse-batch/packhorse/store"
)

// listChildren lists the children of an array in one status, by index. Children
// that only wait have no record and are listed all the same.
func (s *Jobs) listChildren(ctx context.Context, in *awsbatch.ListJobsInput, status batch.Status, limit int) (*awsbatch.ListJobsOutput, error) {
	if len(in.Filters) > 0 {
		return nil, batch.Invalid("filters can be used with jobQueue only.")
	}
	at, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	id := batch.NameOf("job", *in.ArrayJobId)
	parent, err := s.Records.Job(ctx, id)
	if store.IsNotFound(err) || err == nil && parent.Array == nil {
		return nil, batch.NotFound("Array job %s does not exist.", id)
	}
	if err != nil {
		return nil, err
	}
	found, next, err := s.children(ctx, parent, status, at.Index, limit)
	if err != nil {
		return nil, err
	}
	out := &awsbatch.ListJobsOutput{}
	reasons := s.reasons()
	for _, j := range found {
		summary, err := s.summarize(ctx, j, reasons)
		if err != nil {
			return nil, err
		}
		out.JobSummaryList = append(out.JobSummaryList, summary)
	}
	out.JobSummaryList = list(out.JobSummaryList)
	if next < parent.Array.Size {
		out.NextToken = place{Index: next}.token()
	}
	return out, nil
}

// maybe reports whether children may be in a status. Which of those that have a host run
// already may be counted late.
func maybe(c batch.Counts, status batch.Status) bool {
	if batch.Live(status) {
		return c.Starting+c.Running > 0
	}
	return c.Get(status) > 0
}

// children returns up to limit children in a status from an index on, and the
// index to go on from.
func (s *Jobs) children(ctx context.Context, parent batch.Job, status batch.Status, from, limit int) ([]batch.Job, int, error) {
	if !maybe(parent.Array.Counts, status) {
		return nil, parent.Array.Size, nil
	}
	var found []batch.Job
	unstarted := parent.UnstartedStatus() == status && parent.Array.Unstarted > 0
	const page = 1000
	for looked := 0; from < parent.Array.Size && looked < maxListScan; {
		records, err := s.Records.Children(ctx, parent.ID, from, page)
		if err != nil {
			return nil, 0, err
		}
		end := parent.Array.Size // the records tell of all indexes below it
		if len(records) == page {
			_, last, _ := batch.SplitChild(records[page-1].ID)
			end = last + 1
		}
		for ; from < end && looked < maxListScan; from++ {
			looked++
			var child batch.Job
			if _, index, ok := splitFirst(records); ok && index == from {
				child, records = records[0], records[1:]
			} else if unstarted {
				child = lifecycle.Unstarted(parent, from)
			} else if len(records) == 0 {
				from = end - 1
				continue
			} else {
				_, index, _ := splitFirst(records)
				from = index - 1
				continue
			}
			if child.Status != status {
				continue
			}
			if found = append(found, child); len(found) == limit {
				return found, from + 1, nil
			}
		}
	}
	return found, from, nil
}

// splitFirst returns parent and index of the first of some children.
func splitFirst(records []batch.Job) (parent string, index int, ok bool) {
	if len(records) == 0 {
		return "", 0, false
	}
	return batch.SplitChild(records[0].ID)
}
