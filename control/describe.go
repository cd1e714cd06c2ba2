package control

import (
	"context"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// describing is one question of the kind that DescribeComputeEnvironments and
// DescribeJobQueues have in common: some by name or ARN, or all by the page.
type describing[T any] struct {
	list       string // the member with the names, as AWS begins its error with it
	names      []string
	maxResults *int32
	nextToken  *string

	kind string
	one  func(context.Context, string) (T, error)
	all  func(context.Context) ([]T, error) // sorted by name
	name func(T) string
}

// describe answers a question. Names that lead nowhere are left out, a name given
// twice is answered once.
func describe[T any](ctx context.Context, q describing[T]) (found []T, nextToken *string, err error) {
	if len(q.names) == 0 {
		return describePage(ctx, q)
	}
	if q.maxResults != nil {
		return nil, nil, bothSet(q.list, "MaxResults")
	}
	if err := checkNameCount(q.list, len(q.names)); err != nil {
		return nil, nil, err
	}
	seen := map[string]bool{}
	for _, ref := range q.names {
		name := batch.NameOf(q.kind, ref)
		if seen[name] || !namePattern.MatchString(name) {
			continue
		}
		seen[name] = true
		one, err := q.one(ctx, name)
		if store.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		found = append(found, one)
	}
	return found, nil, nil
}

func describePage[T any](ctx context.Context, q describing[T]) (page []T, nextToken *string, err error) {
	size, err := pageSize(q.maxResults, maxDescribed)
	if err != nil {
		return nil, nil, err
	}
	after, err := readToken(q.list, q.nextToken)
	if err != nil {
		return nil, nil, err
	}
	sorted, err := q.all(ctx)
	if err != nil {
		return nil, nil, err
	}
	page, next := window(sorted, q.name, after, size)
	return page, token(q.list, next), nil
}
