package cli

import (
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/internal/cli/batchtest"
)

func TestShellsCompleteNames(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	w.server.Add("low", "call")
	w.server.Submit("first", "high", "align")
	tests := map[string]struct{ line, want string }{
		"queues of a flag":      {"jobs --queue h", "high\tENABLED"},
		"queues of a command":   {"queues l", "low\tENABLED"},
		"definitions":           {"submit --definition ", "align\tbusybox\ncall\tbusybox"},
		"environments":          {"environments high", "high-env\tENABLED"},
		"jobs":                  {"logs 0000", batchtest.ID(1) + "\tfirst SUBMITTED"},
		"forms":                 {"jobs -o ", "table\nwide\njson\nid"},
		"shells":                {"completion f", "fish"},
		"nothing that is known": {"queues x", ""},
	}
	for name, tt := range tests {
		got := w.ok(append([]string{"__complete"}, strings.Split(tt.line, " ")...)...)
		got, _, _ = strings.Cut(got, ":") // the directive
		if strings.TrimSpace(got) != tt.want {
			t.Errorf("%s: %q completes to %q, want %q", name, tt.line, got, tt.want)
		}
	}
	w.server.Stop()
	if got := w.ok("__complete", "queues", ""); !strings.HasPrefix(got, ":") {
		t.Errorf("without a server: %q, want no names", got)
	}
}

func TestCompletionScripts(t *testing.T) {
	w := newWorld(t)
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if got := w.ok("completion", shell); !strings.Contains(got, "packhorse") {
			t.Errorf("the script of %s does not name packhorse", shell)
		}
	}
	same(t, "another shell", w.fails(ExitUsage, "completion", "tcsh"), "packhorse: there is no completion for \"tcsh\"\nnext: use bash, zsh or fish\n")
}
