package dynamo_test

import (
	"fmt"
	"testing"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// A queue may be deep: the front of it is read by a few calls however much stands
// behind, and paging through it all by not many more.
func TestAFrontIsReadByAFewCallsHoweverDeepTheQueue(t *testing.T) {
	s := inWeather(t)
	const deep = 1000
	for from := 0; from < deep; from += store.MaxWrite {
		var ops []store.Op
		for i := from; i < from+store.MaxWrite; i++ {
			ops = append(ops, store.Put(store.Item{
				Key: store.Key{Partition: fmt.Sprint("job#", i), Sort: "state"}, Data: []byte("x"),
				Entries: []store.Entry{
					{Ordering: storetest.OrderingOne, Partition: "q", Sort: fmt.Sprintf("%06d", i)},
					{Ordering: storetest.OrderingTwo, Partition: "q", Sort: fmt.Sprintf("%06d", i)},
				},
			}, store.IfAbsent()))
		}
		if err := s.table.Write(t.Context(), ops...); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		ordering     string
		limit, calls int
	}{
		{storetest.OrderingOne, 10, 8},
		{storetest.OrderingOne, 100, 16},
		{storetest.OrderingOne, 1000, 16},
		{storetest.OrderingTwo, 10, 9}, // and one that fetches the items
		{storetest.OrderingTwo, 1000, 26},
	}
	for _, test := range tests {
		s.calls = 0
		page, err := s.table.Query(t.Context(), store.Query{Ordering: test.ordering, Partition: "q", Limit: test.limit})
		if err != nil {
			t.Fatal(err)
		}
		for i, it := range page.Items {
			if want := fmt.Sprint("job#", i); it.Key.Partition != want {
				t.Fatalf("item %d of the front is %s, want %s", i, it.Key, want)
			}
		}
		if len(page.Items) != test.limit || s.calls > test.calls {
			t.Errorf("the first %d by ordering %s: %d items by %d calls, want at most %d calls",
				test.limit, test.ordering, len(page.Items), s.calls, test.calls)
		}
	}
}
