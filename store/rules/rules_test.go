package rules_test

import (
	"errors"
	"testing"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// What the checks accept and refuse is held by storetest, through each backend.

func TestMarkComesBackFromItsText(t *testing.T) {
	tests := map[string]struct {
		mark  rules.Mark
		query store.Query
	}{
		"of keys":     {rules.Mark{Sort: "state"}, store.Query{}},
		"of ordering": {rules.Mark{Sort: "0099#x", Key: store.Key{Partition: "job#ä/1", Sort: "state"}}, store.Query{Ordering: "queue"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.query.After = tt.mark.String()
			got, ok, err := rules.ParseMark(tt.query)
			if err != nil || !ok || got != tt.mark {
				t.Errorf("ParseMark(%q) = %+v, %t, %v, want %+v", tt.query.After, got, ok, err, tt.mark)
			}
		})
	}
}

func TestParseMarkRefusesAMarkOfAnotherKind(t *testing.T) {
	ofKeys := rules.Mark{Sort: "state"}.String()
	ofOrdering := rules.Mark{Sort: "1", Key: store.Key{Partition: "p", Sort: "s"}}.String()
	for _, q := range []store.Query{
		{Ordering: "queue", After: ofKeys},
		{After: ofOrdering},
		{After: "???"},
		{After: "aw"}, // a mark of keys without a sort key
	} {
		if m, _, err := rules.ParseMark(q); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("ParseMark(%+v) = %+v, %v, want ErrInvalid", q, m, err)
		}
	}
}

func TestParseMarkOfAFirstPage(t *testing.T) {
	if _, ok, err := rules.ParseMark(store.Query{}); ok || err != nil {
		t.Errorf("ParseMark without After = %t, %v, want false and no error", ok, err)
	}
}
