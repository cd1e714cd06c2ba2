package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/packhorse-batch/packhorse/internal/wire"
)

// tree is a resource as plain JSON: maps, lists, strings, json.Numbers and booleans
// under the names of the wire. Requests and answers have different Go types but, as
// trees, the same shape, so apply compares them as trees.
type tree = map[string]any

// toTree turns a request or an answer of the SDK into a tree.
func toTree(v any) (tree, error) {
	text, err := wire.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	t := tree{}
	return t, d.Decode(&t)
}

// fromTree fills a request of the SDK from a tree.
func fromTree(t tree, into any) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return wire.Unmarshal(text, into)
}

// treeText writes a tree as YAML, keys in order.
func treeText(t tree) string {
	if len(t) == 0 {
		return ""
	}
	text, err := yaml.Marshal(t)
	if err != nil {
		return fmt.Sprintf("%v\n", t)
	}
	return string(text)
}

// only returns what have says about the members that want has, at any depth. A server
// knows more about a resource than a file says; what the file leaves out is left alone
// and is no difference. Where want has a name and have the ARN that ends in it, both
// mean the same, and the name is taken.
func only(want, have any) any {
	switch w := want.(type) {
	case tree:
		h, ok := have.(tree)
		if !ok {
			return have
		}
		out := tree{}
		for k, v := range w {
			if hv, ok := h[k]; ok {
				out[k] = only(v, hv)
			}
		}
		return out
	case []any:
		h, ok := have.([]any)
		if !ok {
			return have
		}
		out := make([]any, len(h))
		for i := range h {
			out[i] = h[i]
			if i < len(w) {
				out[i] = only(w[i], h[i])
			}
		}
		return out
	case string:
		if h, ok := have.(string); ok && strings.HasPrefix(h, "arn:") && !strings.HasPrefix(w, "arn:") && strings.HasSuffix(h, "/"+w) {
			return w
		}
	}
	return have
}

// pruned returns v without what means the same as leaving it out: empty texts, lists
// and maps, false and zero. Servers add such members to what they were given.
func pruned(v any) any {
	switch x := v.(type) {
	case tree:
		out := tree{}
		for k, member := range x {
			if p := pruned(member); p != nil {
				out[k] = p
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		var out []any
		for _, item := range x {
			p := pruned(item)
			if p == nil {
				p = item // the number of items matters
			}
			out = append(out, p)
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case string:
		if x == "" {
			return nil
		}
	case bool:
		if !x {
			return nil
		}
	case json.Number:
		if f, err := x.Float64(); err == nil && f == 0 {
			return nil
		}
	}
	return v
}

// prunedTree is pruned for a whole resource.
func prunedTree(t tree) tree {
	if p, ok := pruned(t).(tree); ok {
		return p
	}
	return tree{}
}

// sortBy orders a list of maps by one of their members, if it is such a list.
func sortBy(list any, member string) {
	items, ok := list.([]any)
	if !ok {
		return
	}
	key := func(item any) string {
		m, _ := item.(tree)
		if n, ok := m[member].(json.Number); ok {
			return fmt.Sprintf("%020s", n.String())
		}
		return fmt.Sprint(m[member])
	}
	slices.SortStableFunc(items, func(x, y any) int { return strings.Compare(key(x), key(y)) })
}

// each visits every map in v under the given member name, at any depth, and every map
// in a list under it.
func each(v any, member string, visit func(any)) {
	switch x := v.(type) {
	case tree:
		for _, k := range slices.Sorted(maps.Keys(x)) {
			if k == member {
				visit(x[k])
			}
			each(x[k], member, visit)
		}
	case []any:
		for _, item := range x {
			each(item, member, visit)
		}
	}
}

// sameTree compares two trees by their text: keys are in order there.
func sameTree(x, y any) bool {
	a, errA := json.Marshal(x)
	b, errB := json.Marshal(y)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// changed returns the members of want that are not the same in have.
func changed(want, have tree) tree {
	out := tree{}
	for k, v := range want {
		if !sameTree(v, have[k]) {
			out[k] = v
		}
	}
	return out
}
