package invocation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/internal/invocation"
)

func TestFrom(t *testing.T) {
	for name, test := range map[string]struct{ id, want string }{
		"an id":                  {"6e7e6f5e-0000-4000-8000-000000000001", "6e7e6f5e-0000-4000-8000-000000000001"},
		"none":                   {"", ""},
		"not UTF-8":              {"\xff\xfe", ""},
		"longer than SDKs write": {strings.Repeat("x", 129), ""},
	} {
		if got := invocation.From(invocation.With(t.Context(), test.id)); got != test.want {
			t.Errorf("%s: From(With(%q)) = %q, want %q", name, test.id, got, test.want)
		}
	}
	if got := invocation.From(t.Context()); got != "" {
		t.Errorf("From a context without one = %q", got)
	}
}

func TestKept(t *testing.T) {
	if got := invocation.Kept(t.Context()); got != 0 {
		t.Errorf("Kept of a context that says nothing = %v, want 0", got)
	}
	if got := invocation.Kept(invocation.Keep(t.Context(), time.Hour)); got != time.Hour {
		t.Errorf("Kept(Keep(1h)) = %v", got)
	}
}
