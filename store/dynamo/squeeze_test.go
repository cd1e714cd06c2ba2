package dynamo

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/packhorse-batch/packhorse/store"
)

// command is a submission of so many bytes, as they look.
func command(bytes int) string {
	var b strings.Builder
	b.WriteString(`{"r":{"containerOverrides":{"command":["align.sh"`)
	for i := 0; b.Len() < bytes; i++ {
		fmt.Fprintf(&b, `,"--sample=s3://sequencing-data/run-42/%s.fastq.gz"`, rand.Text()[:10])
	}
	return b.String() + `]}}}`
}

func TestDataIsSqueezedOnlyWhereThatSavesAUnit(t *testing.T) {
	noise := make([]byte, 3*unit)
	_, _ = rand.Read(noise)
	tests := map[string]struct {
		data     string
		squeezed bool
	}{
		"nothing":                {"", false},
		"a state":                {`{"n":"j","q":"default","s":"RUNNABLE"}`, false},
		"a state and its spec":   {command(1200), true},
		"a long spec":            {command(9000), true},
		"what has no repetition": {string(noise), false},
		"the largest":            {strings.Repeat("x", store.MaxItemBytes), true},
	}
	table := &Table{orderings: map[string]Ordering{"list": {Name: "list"}}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			item := store.Item{Key: store.Key{Partition: "job#1", Sort: "state"}, Data: []byte(test.data)}
			a := encode(&item, 1, []byte("01234567"))
			if _, squeezed := a[attrSqueezed]; squeezed != test.squeezed {
				t.Errorf("%d bytes of data, squeezed: %t, want %t; the item has %d", len(test.data), squeezed, test.squeezed, sizeOf(a))
			}
			got, err := table.decode(a)
			if err != nil || string(got.Data) != test.data {
				t.Errorf("read back: %d bytes, %v, want the %d that were written", len(got.Data), err, len(test.data))
			}
		})
	}
}

func TestWhatCannotBeReadIsAnErrorThatNamesTheItem(t *testing.T) {
	table := &Table{orderings: map[string]Ordering{"list": {Name: "list"}}}
	for name, spoil := range map[string]func(attributes){
		"no version":         func(a attributes) { delete(a, attrVersion) },
		"a version of words": func(a attributes) { a[attrVersion] = &types.AttributeValueMemberN{Value: "1.5"} },
		"data of text":       func(a attributes) { a[attrData] = str("x") },
		"torn data":          func(a attributes) { a[attrSqueezed] = bin([]byte("\xff\xff")) },
		"half a place":       func(a attributes) { a["listP"], a["listS"] = str("q\x001"), str("x") },
	} {
		item := store.Item{Key: store.Key{Partition: "job#1", Sort: "state"}, Data: []byte("x")}
		a := encode(&item, 1, nil)
		spoil(a)
		if _, err := table.decode(a); err == nil || !strings.Contains(err.Error(), "job#1/state") {
			t.Errorf("%s: decode = %v, want an error that names job#1/state", name, err)
		}
	}
}
