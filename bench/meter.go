package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// meter counts the units that calls of DynamoDB cost.
//
// Reads, and writes of one item, are what DynamoDB Local reports. Transactions it
// reports wrongly (four times the units of one of their items), so those are reckoned
// by DynamoDB's own rules, from the items before and after:
//
//   - an item costs a unit for each KiB of the larger of both, twice that in a
//     transaction (developer guide, "DynamoDB read and write operations");
//   - an index costs a unit for each KiB of an entry that comes or goes, both for one
//     whose key changes, the larger for one that changes otherwise (developer guide,
//     "Using Global Secondary Indexes", "Write capacity units"), and in a transaction
//     the same (measured against AWS: github.com/nubo-db/dynoxide, pull request 188).
//
// Writes of one item are reckoned too, and compared with what DynamoDB Local reports.
type meter struct {
	*dynamodb.Client
	indexes []types.GlobalSecondaryIndex

	mu     sync.Mutex
	read   float64
	write  float64
	by     map[string]float64 // write units by what was written
	writes map[string]int     // writes of items by kind
	items  map[string]item    // as last written
	latest float64            // write units of the latest write
	wrong  error              // reckoned otherwise than reported
}

type item = map[string]types.AttributeValue

func newMeter(client *dynamodb.Client, orderings []dynamo.Ordering) *meter {
	m := &meter{Client: client, indexes: dynamo.Definition(orderings).GlobalSecondaryIndexes, items: map[string]item{}}
	m.reset()
	return m
}

// reset starts a new count.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read, m.write, m.by, m.writes = 0, 0, map[string]float64{}, map[string]int{}
}

// spent is what was counted since the reset.
func (m *meter) spent() (write, read float64, by map[string]float64, writes map[string]int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.write, m.read, maps.Clone(m.by), maps.Clone(m.writes), m.wrong
}

func (m *meter) reading(c ...types.ConsumedCapacity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range c {
		m.read += *one.CapacityUnits
	}
}

// GetItem counts what it costs.
func (m *meter) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.GetItem(ctx, in, o...)
	if err == nil {
		m.reading(*out.ConsumedCapacity)
	}
	return out, err
}

// BatchGetItem counts what it costs.
func (m *meter) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.BatchGetItem(ctx, in, o...)
	if err == nil {
		m.reading(out.ConsumedCapacity...)
	}
	return out, err
}

// Query counts what it costs.
func (m *meter) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.Query(ctx, in, o...)
	if err == nil {
		m.reading(*out.ConsumedCapacity)
	}
	return out, err
}

// change is an item as one operation leaves it; nil is deleted.
type change struct {
	key   string
	after item
}

func keyOfItem(a item) string {
	text := func(name string) string { return a[name].(*types.AttributeValueMemberS).Value }
	return text("p") + "/" + text("s")
}

// PutItem counts what it costs.
func (m *meter) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	m.mu.Lock() // one write at a time, so that what was before is known
	defer m.mu.Unlock()
	out, err := m.Client.PutItem(ctx, in, o...)
	m.wrote(err, 1, change{keyOfItem(in.Item), in.Item})
	if err == nil {
		m.compare(keyOfItem(in.Item), *out.ConsumedCapacity.CapacityUnits)
	}
	return out, err
}

// DeleteItem counts what it costs.
func (m *meter) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	m.mu.Lock()
	defer m.mu.Unlock()
	out, err := m.Client.DeleteItem(ctx, in, o...)
	m.wrote(err, 1, change{keyOfItem(in.Key), nil})
	if err == nil {
		m.compare(keyOfItem(in.Key), *out.ConsumedCapacity.CapacityUnits)
	}
	return out, err
}

// TransactWriteItems reckons what it costs.
func (m *meter) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out, err := m.Client.TransactWriteItems(ctx, in, o...)
	var changes []change
	for _, one := range in.TransactItems {
		if one.Put != nil {
			changes = append(changes, change{keyOfItem(one.Put.Item), one.Put.Item})
		} else {
			changes = append(changes, change{keyOfItem(one.Delete.Key), nil})
		}
	}
	m.wrote(err, 2, changes...)
	return out, err
}

var errNotReckoned = errors.New("a write of one item was reckoned otherwise than reported")

// compare holds the reckoning of the latest write against what was reported.
func (m *meter) compare(key string, reported float64) {
	if m.latest != reported && m.wrong == nil {
		m.wrong = fmt.Errorf("%w: %s: %g units, reported %g", errNotReckoned, key, m.latest, reported)
	}
}

// wrote reckons a write. One whose condition does not hold costs what the table would
// have had to write, and no index.
func (m *meter) wrote(err error, factor float64, changes ...change) {
	total := 0.0
	for _, c := range changes {
		before, kind := m.items[c.key], kindOf(c.key)
		units := factor * kib(max(size(before), size(c.after)))
		total += units
		if err != nil {
			m.by["(refused)"] += units
			continue
		}
		m.by[kind] += units
		m.writes[kind]++
		for _, index := range m.indexes {
			units := indexUnits(index, before, c.after)
			m.by["index "+*index.IndexName] += units
			total += units
		}
		if m.items[c.key] = c.after; c.after == nil {
			delete(m.items, c.key)
		}
	}
	m.write += total
	m.latest = total
}

// indexUnits is what a change costs in an index.
func indexUnits(index types.GlobalSecondaryIndex, before, after item) float64 {
	old, now := project(index, before), project(index, after)
	moved := false
	for _, k := range index.KeySchema {
		moved = moved || !reflect.DeepEqual(old[*k.AttributeName], now[*k.AttributeName])
	}
	switch {
	case reflect.DeepEqual(old, now):
		return 0
	case old == nil || now == nil || !moved:
		return kib(max(size(old), size(now)))
	}
	return kib(size(old)) + kib(size(now))
}

// project is an item as an index holds it; nil when it is not in it.
func project(index types.GlobalSecondaryIndex, a item) item {
	keys := []string{"p", "s"}
	for _, k := range index.KeySchema {
		if a[*k.AttributeName] == nil {
			return nil
		}
		keys = append(keys, *k.AttributeName)
	}
	if index.Projection.ProjectionType == types.ProjectionTypeAll {
		return a
	}
	projected := item{}
	for _, k := range keys {
		projected[k] = a[k]
	}
	return projected
}

// kib is a size in units of a KiB, at least one for anything that is there.
func kib(bytes int) float64 { return float64(max(1, (bytes+1023)/1024)) }

// size is the size of an item as DynamoDB counts it: names and values; two digits of a
// number in a byte, and one more (developer guide, "DynamoDB item sizes and formats").
func size(a item) int {
	n := 0
	for name, value := range a {
		n += len(name)
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += (len(strings.TrimRight(v.Value, "0"))+1)/2 + 1
		}
	}
	return n
}

// kindOf is what a key is of: "job state", "host".
func kindOf(key string) string {
	partition, sort, _ := strings.Cut(key, "/")
	kind, _, _ := strings.Cut(partition, "#")
	if kind == "job" {
		sort, _, _ := strings.Cut(sort, "#")
		return kind + " " + sort
	}
	return kind
}

// breakdown says where write units went, for each of n jobs.
func breakdown(by map[string]float64, n int) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		if by[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%s %.2f", kind, by[kind]/float64(n)))
		}
	}
	return strings.Join(parts, ", ")
}
