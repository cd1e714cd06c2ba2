package dynamo

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/packhorse-batch/packhorse/store"
)

// attributes is an item as DynamoDB has it.
type attributes = map[string]types.AttributeValue

// separator stands between the parts of a key. No part holds a zero byte, so joined
// keys sort as their parts do, one after the other.
const separator = "\x00"

// shards is how many partitions of an index share what one partition of an ordering
// holds. DynamoDB takes 1,000 write units a second in each; a job comes and goes at
// the front of its queue, so four take the front of 2,000 jobs a second, and a query
// costs at least four half read units. It is part of the layout: a table keeps it.
const shards = 4

// shardOf is the shard of an item, the same in all orderings.
func shardOf(k store.Key) int {
	h := fnv.New32a()
	h.Write([]byte(k.Partition))
	h.Write([]byte(separator))
	h.Write([]byte(k.Sort))
	return int(h.Sum32() % shards)
}

// indexPartition is the partition key of a shard of an ordering's partition.
func indexPartition(partition string, shard int) string {
	return partition + separator + strconv.Itoa(shard)
}

// place is where an item stands in one ordering.
type place struct {
	sort string
	key  store.Key
}

// index is the sort key of a place.
func (p place) index() string {
	return strings.Join([]string{p.sort, p.key.Partition, p.key.Sort}, separator)
}

// parsePlace is the inverse of index.
func parsePlace(index string) (place, error) {
	parts := strings.Split(index, separator)
	if len(parts) != 3 {
		return place{}, fmt.Errorf("dynamo: %q is no place in an ordering", index)
	}
	return place{parts[0], store.Key{Partition: parts[1], Sort: parts[2]}}, nil
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func bin(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

// keyOf is the key of an item.
func keyOf(k store.Key) attributes {
	return attributes{attrPartition: str(k.Partition), attrSort: str(k.Sort)}
}

// encode is item at version as it is stored, with the mark of its write.
func encode(item *store.Item, version int64, mark []byte) attributes {
	a := keyOf(item.Key)
	a[attrVersion] = num(version)
	a[attrWrite] = bin(mark)
	if len(item.Data) > 0 {
		a[attrData] = bin(slices.Clone(item.Data))
	}
	if !item.Expires.IsZero() {
		a[TTLAttribute] = num(item.Expires.Unix())
	}
	for _, e := range item.Entries {
		partition, sort := placeAttributes(e.Ordering)
		a[partition] = str(indexPartition(e.Partition, shardOf(item.Key)))
		a[sort] = str(place{e.Sort, item.Key}.index())
	}
	squeeze(a)
	return a
}

// decode is the inverse of encode. It knows the entries of the table's orderings.
func (t *Table) decode(a attributes) (store.Item, error) {
	var item store.Item
	r := reader{attributes: a}
	item.Key = store.Key{Partition: r.text(attrPartition), Sort: r.text(attrSort)}
	item.Version = r.number(attrVersion)
	item.Data = r.bytes(attrData)
	if squeezed := r.bytes(attrSqueezed); squeezed != nil {
		item.Data, r.err = loosen(squeezed)
	}
	if _, expires := a[TTLAttribute]; expires {
		item.Expires = time.Unix(r.number(TTLAttribute), 0).UTC()
	}
	for name := range t.orderings {
		partition, sort := placeAttributes(name)
		if _, stands := a[partition]; !stands {
			continue
		}
		p, err := parsePlace(r.text(sort))
		if err != nil {
			r.err = err
		}
		within, _, _ := strings.Cut(r.text(partition), separator)
		item.Entries = append(item.Entries, store.Entry{Ordering: name, Partition: within, Sort: p.sort})
	}
	if r.err != nil {
		return store.Item{}, fmt.Errorf("dynamo: item %s was not written by Packhorse: %w", item.Key, r.err)
	}
	return item, nil
}

// reader takes attributes by their type and remembers the first that has another.
type reader struct {
	attributes attributes
	err        error
}

func (r *reader) wrong(name, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("attribute %q is %T, not %s", name, r.attributes[name], want)
	}
}

func (r *reader) text(name string) string {
	if v, ok := r.attributes[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	r.wrong(name, "a string")
	return ""
}

func (r *reader) number(name string) int64 {
	if v, ok := r.attributes[name].(*types.AttributeValueMemberN); ok {
		if n, err := strconv.ParseInt(v.Value, 10, 64); err == nil {
			return n
		}
	}
	r.wrong(name, "a whole number")
	return 0
}

// bytes is nil for an attribute that is not there.
func (r *reader) bytes(name string) []byte {
	switch v := r.attributes[name].(type) {
	case *types.AttributeValueMemberB:
		return v.Value
	case nil:
		return nil
	}
	r.wrong(name, "bytes")
	return nil
}
