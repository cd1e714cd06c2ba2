package rules

import (
	"encoding/base64"
	"strings"

	"github.com/packhorse-batch/packhorse/store"
)

// Mark is where a page ended: the place of its last item. The next page starts
// behind that place, whether or not the item is still there, which is why Next
// stays good when items come and go.
type Mark struct {
	Sort string    // sort key of the last item in what was queried
	Key  store.Key // the item, for a query of an ordering, where sorts may tie
}

// The first letter of a mark tells what it is a mark of, so that one of the
// wrong kind is refused instead of skipping items.
const (
	markOfKeys     = "k"
	markOfOrdering = "o"
	markSeparator  = "\x00" // sorts by key parts hold no zero byte
)

// String is the mark as Page.Next hands it out: letters that survive a URL.
func (m Mark) String() string {
	var text string
	if m.Key == (store.Key{}) {
		text = markOfKeys + m.Sort
	} else {
		text = markOfOrdering + strings.Join([]string{m.Sort, m.Key.Partition, m.Key.Sort}, markSeparator)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// ParseMark reads q.After. Without one it returns false.
func ParseMark(q store.Query) (Mark, bool, error) {
	if q.After == "" {
		return Mark{}, false, nil
	}
	refused := invalid("after %.40q is not the Next of this query: start again without it", q.After)
	raw, err := base64.RawURLEncoding.DecodeString(q.After)
	if err != nil || len(raw) < 2 {
		return Mark{}, false, refused
	}
	kind, text := string(raw[:1]), string(raw[1:])
	var m Mark
	switch {
	case kind == markOfKeys && q.Ordering == "":
		m.Sort = text
	case kind == markOfOrdering && q.Ordering != "":
		parts := strings.Split(text, markSeparator)
		if len(parts) != 3 {
			return Mark{}, false, refused
		}
		m = Mark{parts[0], store.Key{Partition: parts[1], Sort: parts[2]}}
		if CheckKey(m.Key) != nil {
			return Mark{}, false, refused
		}
	default:
		return Mark{}, false, refused
	}
	if checkText("sort", m.Sort, store.MaxSort) != nil {
		return Mark{}, false, refused
	}
	return m, true, nil
}
