package dynamo_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// late is DynamoDB whose indexes lag behind: they show what they showed when it was
// frozen. DynamoDB Local has no lag of its own.
type late struct {
	dynamo.Client
	frozen map[string][]map[string]types.AttributeValue // rows by partition key of the index
}

func (l *late) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	if in.IndexName == nil || l.frozen == nil {
		return l.Client.Query(ctx, in, o...)
	}
	text := func(v types.AttributeValue) string { return v.(*types.AttributeValueMemberS).Value }
	sort := *in.IndexName + "S"
	rows := slices.Clone(l.frozen[text(in.ExpressionAttributeValues[":p"])])
	if !*in.ScanIndexForward {
		slices.Reverse(rows)
	}
	out := &dynamodb.QueryOutput{}
	for _, r := range rows {
		first, last := in.ExpressionAttributeValues[":first"], in.ExpressionAttributeValues[":last"]
		if first != nil && text(r[sort]) < text(first) || last != nil && text(r[sort]) > text(last) {
			continue
		}
		if len(out.Items) == int(*in.Limit) {
			out.LastEvaluatedKey = r
			break
		}
		out.Items = append(out.Items, r)
	}
	return out, nil
}

// freeze keeps the rows of an index as they are now.
func (l *late) freeze(t *testing.T, s *scene, name, index, partition string) {
	t.Helper()
	frozen := map[string][]map[string]types.AttributeValue{}
	for shard := range 4 {
		key := fmt.Sprintf("%s\x00%d", partition, shard)
		out, err := s.Client.Query(t.Context(), &dynamodb.QueryInput{
			TableName: &name, IndexName: &index, KeyConditionExpression: aws.String("#p = :p"),
			ExpressionAttributeNames:  map[string]string{"#p": index + "P"},
			ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: key}},
		})
		if err != nil {
			t.Fatal(err)
		}
		frozen[key] = out.Items
	}
	l.frozen = frozen
}

// An index that lags shows rows of items that have gone or moved. They are not shown,
// what is behind them is, and one who asks for a single item gets the first there is.
func TestAnIndexThatLagsHidesNothingThatStays(t *testing.T) {
	s := inWeather(t)
	l := &late{Client: s.weather}
	table, err := dynamo.Open(t.Context(), dynamo.Options{Client: l, Table: s.name, Orderings: orderings})
	if err != nil {
		t.Fatal(err)
	}
	item := func(i int, partition string) store.Item {
		return store.Item{
			Key: store.Key{Partition: fmt.Sprint("job#", i), Sort: "state"}, Data: fmt.Append(nil, i),
			Entries: []store.Entry{{Ordering: storetest.OrderingTwo, Partition: partition, Sort: fmt.Sprintf("%03d", i)}},
		}
	}
	var ops []store.Op
	for i := range 20 {
		ops = append(ops, store.Put(item(i, "q"), store.IfAbsent()))
	}
	if err := table.Write(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	l.freeze(t, s, s.name, storetest.OrderingTwo, "q")
	for i := range 9 { // some go, some move to another partition
		op := store.Delete(item(i, "q").Key, store.Always())
		if i%2 == 0 {
			op = store.Put(item(i, "elsewhere"), store.IfVersion(1))
		}
		if err := table.Write(t.Context(), op); err != nil {
			t.Fatal(err)
		}
	}
	changed := item(9, "q")
	changed.Data = []byte("changed")
	if err := table.Write(t.Context(), store.Put(changed, store.IfVersion(1))); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 3, 50} {
		q := store.Query{Ordering: storetest.OrderingTwo, Partition: "q", Limit: limit}
		var got []string
		for pages := 0; ; pages++ {
			page, err := table.Query(t.Context(), q)
			if err != nil || pages > 100 {
				t.Fatalf("after %d pages of %d: %v", pages, limit, err)
			}
			if pages == 0 && len(page.Items) == 0 {
				t.Errorf("the first page of %d is empty, though 11 items are there", limit)
			}
			for _, it := range page.Items {
				got = append(got, string(it.Data))
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		want := []string{"changed", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19"}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d show %q, want %q", limit, got, want)
		}
	}
}
