package jobs

import (
	"context"
	"strconv"
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// listFiltered lists the jobs of a queue that match a filter, in all states, newest
// first. AWS Batch takes one filter, and ignores jobStatus beside it except with
// SHARE_IDENTIFIER.
func (s *Jobs) listFiltered(ctx context.Context, in *awsbatch.ListJobsInput, queue string, limit int) (*awsbatch.ListJobsOutput, error) {
	if len(in.Filters) > 1 {
		return nil, batch.Invalid("Only one filter is allowed, got %d.", len(in.Filters))
	}
	at, err := position(in.NextToken)
	if err != nil {
		return nil, err
	}
	name, values := deref(in.Filters[0].Name), in.Filters[0].Values
	if len(values) == 0 {
		return nil, batch.Invalid("filters: %s needs at least one value.", name)
	}
	c := cursor{jobs: s, queue: queue, at: at,
		phases: []store.Phase{store.Waiting, store.Ready, store.Live, store.Done, store.Broken}}
	var match func(batch.Job) bool
	switch name {
	case "JOB_NAME":
		match = anyOf(values, func(j batch.Job, v string) bool { return glob(strings.ToLower(v), strings.ToLower(j.Name)) })
	case "JOB_DEFINITION":
		match = anyOf(values, matchDefinition)
	case "SHARE_IDENTIFIER":
		match = anyOf(values, func(j batch.Job, v string) bool {
			return j.Share == v && (in.JobStatus == "" || j.Status == in.JobStatus)
		})
	case "BEFORE_CREATED_AT", "AFTER_CREATED_AT":
		when, err := strconv.ParseInt(values[0], 10, 64)
		if err != nil || when < 0 {
			return nil, batch.Invalid("filters: %s takes milliseconds since 1970, got %q.", name, values[0])
		}
		if name == "AFTER_CREATED_AT" {
			c.oldest = batch.Millis(when + 1)
		} else if c.at.Created == 0 || batch.Millis(when) < c.at.Created {
			c.at = place{Created: batch.Millis(when)}
		}
		match = func(batch.Job) bool { return true }
	default:
		return nil, batch.Invalid("filters: %q is not valid. Valid values are: [JOB_NAME, JOB_DEFINITION, BEFORE_CREATED_AT, AFTER_CREATED_AT, SHARE_IDENTIFIER]", name)
	}
	return s.collect(ctx, &c, limit, match)
}

func anyOf(values []string, match func(batch.Job, string) bool) func(batch.Job) bool {
	return func(j batch.Job) bool {
		for _, v := range values {
			if match(j, v) {
				return true
			}
		}
		return false
	}
}

// glob matches a text exactly, or by a prefix followed by "*".
func glob(pattern, text string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(text, prefix)
	}
	return pattern == text
}

// matchDefinition matches a definition by name (all revisions, "*" allowed), or one
// revision by ARN or name:revision.
func matchDefinition(j batch.Job, value string) bool {
	value = batch.NameOf("job-definition", value)
	if strings.Contains(value, ":") {
		return j.Definition == value
	}
	name, _, _ := strings.Cut(j.Definition, ":")
	return glob(value, name)
}
