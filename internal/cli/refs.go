package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// maxPages bounds every listing: at 100 or 1000 a page this is more than any account
// holds, and a server that never ends its pages does not hang the command.
const maxPages = 1000

// maxDescribe is how many jobs DescribeJobs takes in one call.
const maxDescribe = 100

// queues returns the queues of these names or ARNs, or all of them. Unknown names are
// left out, as the service does.
func (c *client) queues(ctx context.Context, names ...string) ([]types.JobQueueDetail, error) {
	var out []types.JobQueueDetail
	pages := batch.NewDescribeJobQueuesPaginator(c.batch, &batch.DescribeJobQueuesInput{JobQueues: names})
	for n := 0; pages.HasMorePages() && n < maxPages; n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, page.JobQueues...)
	}
	slices.SortFunc(out, func(a, b types.JobQueueDetail) int {
		return strings.Compare(aws.ToString(a.JobQueueName), aws.ToString(b.JobQueueName))
	})
	return out, nil
}

// environments is the same for compute environments.
func (c *client) environments(ctx context.Context, names ...string) ([]types.ComputeEnvironmentDetail, error) {
	var out []types.ComputeEnvironmentDetail
	pages := batch.NewDescribeComputeEnvironmentsPaginator(c.batch, &batch.DescribeComputeEnvironmentsInput{ComputeEnvironments: names})
	for n := 0; pages.HasMorePages() && n < maxPages; n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, page.ComputeEnvironments...)
	}
	slices.SortFunc(out, func(a, b types.ComputeEnvironmentDetail) int {
		return strings.Compare(aws.ToString(a.ComputeEnvironmentName), aws.ToString(b.ComputeEnvironmentName))
	})
	return out, nil
}

// definitions returns the job definitions that in asks for, by name, the newest
// revision of each first.
func (c *client) definitions(ctx context.Context, in batch.DescribeJobDefinitionsInput) ([]types.JobDefinition, error) {
	var out []types.JobDefinition
	pages := batch.NewDescribeJobDefinitionsPaginator(c.batch, &in)
	for n := 0; pages.HasMorePages() && n < maxPages; n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, page.JobDefinitions...)
	}
	slices.SortFunc(out, func(a, b types.JobDefinition) int {
		if d := strings.Compare(aws.ToString(a.JobDefinitionName), aws.ToString(b.JobDefinitionName)); d != 0 {
			return d
		}
		return int(aws.ToInt32(b.Revision)) - int(aws.ToInt32(a.Revision))
	})
	return out, nil
}

// jobsByID returns the jobs of these ids that the server knows.
func (c *client) jobsByID(ctx context.Context, ids ...string) (map[string]types.JobDetail, error) {
	found := map[string]types.JobDetail{}
	for part := range slices.Chunk(ids, maxDescribe) {
		out, err := c.batch.DescribeJobs(ctx, &batch.DescribeJobsInput{Jobs: part})
		if err != nil {
			return nil, err
		}
		for _, j := range out.Jobs {
			found[aws.ToString(j.JobId)] = j
		}
	}
	return found, nil
}

// minPart is how much of an id must be given at least for a job to be found by it.
const minPart = 4

// job finds the job that a person means: by its id or ARN, else by the beginning or the
// end of its id, else by its name. Ids that begin with the time, as Packhorse's do, are
// told apart by their ends. All but the first look among the jobs that `packhorse jobs`
// shows, and must mean exactly one. "part:3" is child 3 of the array that the part means.
func (a *App) job(ctx context.Context, c *client, ref string) (types.JobDetail, error) {
	id := shortName(ref)
	found, err := c.jobsByID(ctx, id)
	if err != nil {
		return types.JobDetail{}, err
	}
	if j, ok := found[id]; ok {
		return j, nil
	}
	if len(found) == 1 { // a server may spell the id differently, say in the case of its letters
		for _, j := range found {
			return j, nil
		}
	}

	base, child := id, ""
	if i := strings.IndexAny(id, ":#"); i >= 0 {
		base, child = id[:i], id[i:]
	}
	rows, _, err := a.listJobs(ctx, c, jobQuery{})
	if err != nil {
		return types.JobDetail{}, err
	}
	var matches []string
	for _, r := range rows {
		rowID := aws.ToString(r.JobId)
		if strings.ContainsAny(rowID, ":#") {
			continue // a child, which some servers list too; it is named by its array
		}
		byPart := len(base) >= minPart && (strings.HasPrefix(rowID, base) || strings.HasSuffix(rowID, base))
		if byPart || aws.ToString(r.JobName) == base {
			matches = append(matches, rowID)
		}
	}
	switch len(matches) {
	case 0:
		return types.JobDetail{}, jobNotFound(ref)
	case 1:
		found, err := c.jobsByID(ctx, matches[0]+child)
		if err != nil {
			return types.JobDetail{}, err
		}
		if j, ok := found[matches[0]+child]; ok {
			return j, nil
		}
		return types.JobDetail{}, jobNotFound(ref)
	}
	const shown = 5
	next := "name one of them: " + strings.Join(matches[:min(len(matches), shown)], ", ")
	if len(matches) > shown {
		next += ", ..."
	}
	return types.JobDetail{}, &Error{Message: fmt.Sprintf("%s means %d jobs", quote(ref), len(matches)), Next: next}
}

func jobNotFound(ref string) error {
	return &Error{
		Message: "there is no job " + quote(ref),
		Next:    "`packhorse jobs` lists the jobs; ended ones are forgotten after some days",
	}
}

// submitHelp explains a refused submission: if the queue or the definition that it
// names does not exist, it says which ones do. Otherwise it returns err.
func (a *App) submitHelp(ctx context.Context, c *client, in *batch.SubmitJobInput, err error) error {
	if !refused(err) {
		return err
	}
	if all, listErr := c.queues(ctx); listErr == nil {
		var names []string
		for _, q := range all {
			if aws.ToString(q.JobQueueName) == shortName(aws.ToString(in.JobQueue)) {
				names = nil
				break
			}
			names = append(names, aws.ToString(q.JobQueueName))
		}
		switch {
		case len(all) == 0:
			return &Error{Message: "there are no job queues yet", Next: "make one with `packhorse apply -f FILE`", Err: err}
		case names != nil:
			return &Error{
				Message: "there is no job queue " + quote(aws.ToString(in.JobQueue)),
				Next:    "use one that exists: " + someOf(names),
				Err:     err,
			}
		}
	}
	name, _, _ := strings.Cut(shortName(aws.ToString(in.JobDefinition)), ":")
	active, listErr := c.definitions(ctx, batch.DescribeJobDefinitionsInput{Status: aws.String("ACTIVE")})
	if listErr != nil {
		return err
	}
	var names []string
	for _, d := range active {
		if aws.ToString(d.JobDefinitionName) == name {
			return err // it exists: the server's message is about something else
		}
		names = append(names, aws.ToString(d.JobDefinitionName))
	}
	e := &Error{Message: "there is no active job definition " + quote(name), Err: err}
	if names = slices.Compact(names); len(names) > 0 {
		e.Next = "use one that exists: " + someOf(names)
	} else {
		e.Next = "make one with `packhorse apply -f FILE`, or give --image"
	}
	return e
}

// refused reports whether the server understood a request and said no.
func refused(err error) bool {
	var client *types.ClientException
	return errors.As(err, &client)
}

// someOf lists names, not too many.
func someOf(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
