package infra

import (
	"regexp"
	"strings"
)

// block matches the end of a line after which a text follows as it stands, by a `|` or `>`.
var block = regexp.MustCompile(`[:\-]\s+[|>][-+0-9]*(\s+#.*)?$`)

// Compact returns a template in YAML without the lines that only people read: comments that
// have a line of their own, and empty lines. So a template may have more of them than
// CloudFormation would take.
func Compact(template string) string {
	var kept strings.Builder
	inside := -1 // the indentation of the key whose text this is
	for line := range strings.Lines(template) {
		text := strings.TrimSpace(line)
		indentation := len(line) - len(strings.TrimLeft(line, " "))
		if inside >= 0 && (text == "" || indentation > inside) {
			kept.WriteString(line)
			continue
		}
		inside = -1
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if block.MatchString(strings.TrimRight(line, "\r\n")) {
			inside = indentation
		}
		kept.WriteString(line)
	}
	return kept.String()
}
