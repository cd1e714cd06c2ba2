package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// Query returns a page of a partition, by the items' own keys (consistent, a read unit
// for each 4 KiB) or by an ordering (half of that, and see Ordering).
func (t *Table) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if err := rules.CheckQuery(q); err != nil {
		return store.Page{}, err
	}
	after, follows, err := rules.ParseMark(q)
	if err != nil {
		return store.Page{}, err
	}
	if err := t.reading(ctx); err != nil {
		return store.Page{}, err
	}
	if q.From != "" && q.Before != "" && q.From >= q.Before {
		return store.Page{}, nil
	}
	if q.Ordering != "" {
		return t.queryOrdering(ctx, q, after, follows)
	}
	return t.queryKeys(ctx, q, after, follows)
}

// span is a range of sort keys of one partition, of the table or of an index, with
// both ends in it; an empty end is open.
type span struct {
	ordering    *Ordering // nil is the table itself
	partition   string
	first, last string
	descending  bool
}

// behind is what is left of a span behind a sort key in the direction of the query,
// with that key still in it: DynamoDB knows no range that is open at one end only.
func (s span) behind(sort string) span {
	if s.descending {
		s.last = sort
	} else {
		s.first = sort
	}
	return s
}

// readSpan returns up to limit items of a span, and whether there are more.
func (t *Table) readSpan(ctx context.Context, s span, limit int) (found []attributes, more bool, err error) {
	partition, sort := attrPartition, attrSort
	in := &dynamodb.QueryInput{
		TableName: &t.name, Limit: aws.Int32(int32(limit)), ScanIndexForward: aws.Bool(!s.descending),
		ExpressionAttributeValues: attributes{":p": str(s.partition)},
	}
	if s.ordering != nil {
		partition, sort = placeAttributes(s.ordering.Name)
		in.IndexName = &s.ordering.Name
	} else {
		in.ConsistentRead = aws.Bool(true)
	}
	in.ExpressionAttributeNames = map[string]string{"#p": partition}
	condition := "#p = :p"
	switch {
	case s.first != "" && s.last != "":
		condition += " AND #s BETWEEN :first AND :last"
	case s.first != "":
		condition += " AND #s >= :first"
	case s.last != "":
		condition += " AND #s <= :last"
	}
	if s.first != "" || s.last != "" {
		in.ExpressionAttributeNames["#s"] = sort
	}
	if s.first != "" {
		in.ExpressionAttributeValues[":first"] = str(s.first)
	}
	if s.last != "" {
		in.ExpressionAttributeValues[":last"] = str(s.last)
	}
	in.KeyConditionExpression = &condition
	var out *dynamodb.QueryOutput
	err = t.read(ctx, "query "+s.partition, func(ctx context.Context) (err error) {
		out, err = t.client.Query(ctx, in, once)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return out.Items, len(out.LastEvaluatedKey) > 0, nil
}

// queryKeys is a query by the items' own keys.
func (t *Table) queryKeys(ctx context.Context, q store.Query, after rules.Mark, follows bool) (store.Page, error) {
	s := span{partition: q.Partition, first: q.From, last: q.Before, descending: q.Descending}
	excess := 1 // one that tells whether more follow
	if q.Before != "" {
		excess++ // Before itself is not meant
	}
	if follows {
		s = s.behind(after.Sort)
		excess++ // nor is the last item of the page before
	}
	if s.first != "" && s.last != "" && s.first > s.last {
		return store.Page{}, nil
	}
	found, more, err := t.readSpan(ctx, s, q.Limit+excess)
	if err != nil {
		return store.Page{}, err
	}
	var page store.Page
	for _, a := range found {
		item, err := t.decode(a)
		if err != nil {
			return store.Page{}, err
		}
		if item.Key.Sort == q.Before || follows && item.Key.Sort == after.Sort {
			continue
		}
		page.Items = append(page.Items, item)
	}
	if len(page.Items) > q.Limit {
		page.Items, more = page.Items[:q.Limit], true
	}
	if more && len(page.Items) > 0 { // cut by the limit, or by DynamoDB at 1 MB
		page.Next = rules.Mark{Sort: page.Items[len(page.Items)-1].Key.Sort}.String()
	}
	return page, nil
}
