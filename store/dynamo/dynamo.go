package dynamo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/packhorse-batch/packhorse/store"
)

// Client is the part of the DynamoDB client that a table needs.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Options say which table to open.
type Options struct {
	Client Client
	Table  string // name or ARN of a table that Definition describes
	// Orderings are those that the table has; nil is Orderings().
	Orderings []Ordering
	// Wait waits between two tries, or until the context ends; nil waits in real time.
	Wait func(context.Context, time.Duration) error
}

// Table is a store.Table. Make it with Open. Expired items are removed by DynamoDB
// itself, up to two days late, so it is no store.Purger.
type Table struct {
	client    Client
	name      string
	orderings map[string]Ordering
	wait      func(context.Context, time.Duration) error

	mu     sync.Mutex // guards closed, and writes.Add against Close's Wait
	closed bool
	writes sync.WaitGroup
}

var _ store.Scattered = (*Table)(nil)

// Scattered says that partitions are kept in no order: DynamoDB spreads them by hash.
func (t *Table) Scattered() {}

// Open opens a table that exists, and makes sure that it can be read: the first
// error of a wrong name, region or right should not be that of a job.
func Open(ctx context.Context, o Options) (*Table, error) {
	switch {
	case o.Client == nil:
		return nil, errors.New("dynamo: Options.Client is missing: give a dynamodb.Client")
	case o.Table == "":
		return nil, errors.New("dynamo: Options.Table is empty: give the name of the table")
	}
	t := &Table{client: o.Client, name: o.Table, orderings: map[string]Ordering{}, wait: o.Wait}
	if t.wait == nil {
		t.wait = sleep
	}
	if o.Orderings == nil {
		o.Orderings = Orderings()
	}
	for _, ordering := range o.Orderings {
		t.orderings[ordering.Name] = ordering
	}
	if _, err := t.Get(ctx, store.Key{Partition: "open", Sort: "open"}); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("open table %s: %w", o.Table, err)
	}
	return t, nil
}

// Close lets writes under way end and refuses later calls. The client stays usable.
func (t *Table) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.writes.Wait()
	return nil
}

// reading refuses a call whose context has ended, or of a table that was closed.
func (t *Table) reading(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return store.ErrClosed
	}
	return nil
}

// writing is reading for a write, which Close waits for until done is called.
func (t *Table) writing(ctx context.Context) (done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, store.ErrClosed
	}
	t.writes.Add(1)
	return t.writes.Done, nil
}
