package control

import (
	"bytes"
	"encoding/json"
)

// wireSize returns how many bytes a request takes as JSON without the members that
// were not sent. Its names have the same length as those of the wire.
func wireSize(request any) int {
	full := encodeJSON(request)
	var tree any
	if json.Unmarshal(full, &tree) != nil {
		return len(full)
	}
	return len(encodeJSON(sent(tree)))
}

// sent drops the members that are null, or an enumeration without a value.
func sent(tree any) any {
	switch node := tree.(type) {
	case map[string]any:
		for key, member := range node {
			if member == nil || member == "" {
				delete(node, key)
				continue
			}
			node[key] = sent(member)
		}
	case []any:
		for i := range node {
			node[i] = sent(node[i])
		}
	}
	return tree
}

func encodeJSON(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil // requests are plain data, which can always be encoded
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}
