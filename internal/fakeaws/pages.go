package fakeaws

import (
	"encoding/base64"
	"strings"
)

// pageOf cuts a page out of items in a stable order. The token names the item after
// which to go on, so that a page may be asked for although things came and went; key
// gives an item's name. A size of 0 is all. ok is false for a token that is none.
func pageOf[T any](items []T, token *string, size int, key func(T) string) (page []T, next *string, ok bool) {
	if token != nil && *token != "" {
		after, err := base64.RawURLEncoding.DecodeString(*token)
		name, isToken := strings.CutPrefix(string(after), "after:")
		if err != nil || !isToken {
			return nil, nil, false
		}
		from := -1
		for i := range items {
			if key(items[i]) == name {
				from = i + 1
			}
		}
		if from < 0 { // it has gone meanwhile: whoever lists begins anew
			from = 0
		}
		items = items[from:]
	}
	if size > 0 && len(items) > size {
		items = items[:size]
		text := base64.RawURLEncoding.EncodeToString([]byte("after:" + key(items[size-1])))
		next = &text
	}
	return items, next, true
}
