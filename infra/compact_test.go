package infra

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestCompactLeavesOutWhatOnlyPeopleRead(t *testing.T) {
	tests := map[string]struct{ template, want string }{
		"comments and empty lines": {"# a\nA: 1\n\n  # b\nB: 2 # stays\n", "A: 1\nB: 2 # stays\n"},
		"no line end":              {"A: 1\n# last", "A: 1\n"},
		"a text keeps its own":     {"A: |\n  # of the text\n\n  end\n# a comment\nB: 1\n", "A: |\n  # of the text\n\n  end\nB: 1\n"},
		"a text in a list":         {"A:\n  - >-\n    # of the text\n  # a comment\n  - b\n", "A:\n  - >-\n    # of the text\n  - b\n"},
		"a text with a comment":    {"A: |- # why\n  # of the text\n", "A: |- # why\n  # of the text\n"},
	}
	for name, test := range tests {
		if got := Compact(test.template); got != test.want {
			t.Errorf("%s: %q becomes %q, want %q", name, test.template, got, test.want)
		}
		var before, after any
		if yaml.Unmarshal([]byte(test.template), &before) != nil || yaml.Unmarshal([]byte(Compact(test.template)), &after) != nil {
			t.Errorf("%s: %q is not read", name, test.template)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s: it means something else (-before +after):\n%s", name, diff)
		}
	}
}

func TestTheCompactTemplateMeansTheSame(t *testing.T) {
	var compact map[string]any
	if err := yaml.Unmarshal([]byte(Compact(Template())), &compact); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parsed(t), compact); diff != "" {
		t.Errorf("(-written +compact):\n%s", diff)
	}
}
