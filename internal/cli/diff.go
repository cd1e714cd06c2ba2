package cli

import (
	"fmt"
	"strings"
)

// diffContext is how many equal lines are shown around a difference.
const diffContext = 3

// edit is a line of a comparison: ' ' is in both texts, '-' only in the old one, '+'
// only in the new one.
type edit struct {
	op   byte
	line string
}

// unified compares two texts line by line and returns their difference in the format
// of diff -u; nothing if they are equal.
func unified(oldName, newName, oldText, newText string) string {
	edits := compare(lines(oldText), lines(newText))
	var b strings.Builder
	oldLine, newLine := 1, 1 // of edits[i]
	for i := 0; i < len(edits); {
		if edits[i].op == ' ' {
			oldLine, newLine, i = oldLine+1, newLine+1, i+1
			continue
		}
		// A hunk begins some lines before this change, and ends where a stretch of equal
		// lines is too long to be worth showing.
		start := max(0, i-diffContext)
		for start < i && edits[start].op != ' ' {
			start++
		}
		end, equal := i, 0
		for j := i; j < len(edits) && equal <= 2*diffContext; j++ {
			if edits[j].op == ' ' {
				equal++
			} else {
				end, equal = j+1, 0
			}
		}
		end = min(len(edits), end+diffContext)
		oldStart, newStart := oldLine-(i-start), newLine-(i-start)
		oldCount, newCount := 0, 0
		var body strings.Builder
		for _, e := range edits[start:end] {
			if e.op != '+' {
				oldCount++
			}
			if e.op != '-' {
				newCount++
			}
			fmt.Fprintf(&body, "%c%s\n", e.op, e.line)
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "--- %s\n+++ %s\n", oldName, newName)
		}
		fmt.Fprintf(&b, "@@ -%s +%s @@\n%s", hunkRange(oldStart, oldCount), hunkRange(newStart, newCount), body.String())
		oldLine, newLine, i = oldStart+oldCount, newStart+newCount, end
	}
	return b.String()
}

func hunkRange(start, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", start-1)
	case 1:
		return fmt.Sprintf("%d", start)
	}
	return fmt.Sprintf("%d,%d", start, count)
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// compare finds a longest common subsequence of two lists of lines. The texts are
// definitions of at most 24 KiB, so the quadratic table is small.
func compare(a, b []string) []edit {
	common := make([][]int, len(a)+1) // common[i][j]: length of that of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []edit
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, edit{' ', a[i]})
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, edit{'-', a[i]})
			i++
		default:
			out = append(out, edit{'+', b[j]})
			j++
		}
	}
	for ; i < len(a); i++ {
		out = append(out, edit{'-', a[i]})
	}
	for ; j < len(b); j++ {
		out = append(out, edit{'+', b[j]})
	}
	return out
}

// paintDiff colours a unified difference.
func (s Stream) paintDiff(diff string) string {
	if !s.Colour {
		return diff
	}
	var b strings.Builder
	for line := range strings.Lines(diff) {
		text, c := strings.TrimSuffix(line, "\n"), plain
		switch {
		case strings.HasPrefix(text, "--- "), strings.HasPrefix(text, "+++ "):
			c = bold
		case strings.HasPrefix(text, "@@"):
			c = cyan
		case strings.HasPrefix(text, "-"):
			c = red
		case strings.HasPrefix(text, "+"):
			c = green
		}
		b.WriteString(s.paint(c, text) + "\n")
	}
	return b.String()
}
