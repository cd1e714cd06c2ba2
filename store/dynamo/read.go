package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// Get returns the item under key. It is a consistent read: a unit for each 4 KiB.
func (t *Table) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if err := rules.CheckKey(key); err != nil {
		return store.Item{}, err
	}
	if err := t.reading(ctx); err != nil {
		return store.Item{}, err
	}
	var out *dynamodb.GetItemOutput
	err := t.read(ctx, "read "+key.String(), func(ctx context.Context) (err error) {
		out, err = t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: keyOf(key), ConsistentRead: aws.Bool(true)}, once)
		return err
	})
	if err != nil {
		return store.Item{}, err
	}
	if len(out.Item) == 0 {
		return store.Item{}, store.ErrNotFound
	}
	return t.decode(out.Item)
}

// BatchGet returns the items that exist among keys, by consistent reads.
func (t *Table) BatchGet(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	if err := rules.CheckBatchGet(keys); err != nil {
		return nil, err
	}
	if err := t.reading(ctx); err != nil {
		return nil, err
	}
	return t.fetch(ctx, keys, true)
}

// fetch is BatchGet, consistent or at half the price.
func (t *Table) fetch(ctx context.Context, keys []store.Key, consistent bool) ([]store.Item, error) {
	items := make([]store.Item, 0, len(keys))
	known := make(map[store.Key]bool, len(keys))
	var wanted []attributes
	for _, k := range keys {
		if !known[k] {
			known[k] = true
			wanted = append(wanted, keyOf(k))
		}
	}
	// An answer holds at most 16 MB, and less when the table is throttled; the keys that
	// it left out are asked for again.
	for empty := 0; len(wanted) > 0; {
		var out *dynamodb.BatchGetItemOutput
		err := t.read(ctx, fmt.Sprintf("read %d items", len(wanted)), func(ctx context.Context) (err error) {
			out, err = t.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				t.name: {Keys: wanted, ConsistentRead: &consistent},
			}}, once)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, found := range out.Responses { // of this table alone
			for _, a := range found {
				item, err := t.decode(a)
				if err != nil {
					return nil, err
				}
				items = append(items, item)
			}
		}
		left := wanted[:0:0]
		for _, u := range out.UnprocessedKeys {
			left = append(left, u.Keys...)
		}
		if len(left) < len(wanted) {
			empty = 0
		} else if empty++; empty == maxTries {
			return nil, fmt.Errorf("%w: reading %d items, DynamoDB left them out %d times: it is throttled", store.ErrUnavailable, len(left), empty)
		}
		if wanted = left; empty > 0 {
			if err := t.wait(ctx, pause(empty)); err != nil {
				return nil, err
			}
		}
	}
	return items, nil
}
