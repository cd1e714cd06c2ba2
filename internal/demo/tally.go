package demo

import (
	"cmp"
	"go/scanner"
	"go/token"
	"slices"
)

// Tally is what was counted in some files.
type Tally struct {
	Files, Lines, Bytes int
	Identifiers         int // uses of all identifiers together
	Uses                map[string]Uses
}

// Uses is how often one identifier is used, and in how many files.
type Uses struct {
	Times, Files int
}

// add counts a file. What does not parse counts too: test data of the toolchain is
// full of deliberate mistakes, and the scanner reads on after each.
func (t *Tally) add(name string, text []byte) {
	times := map[string]int{} // in this file
	file := token.NewFileSet().AddFile(name, -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	for {
		_, tok, literal := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.IDENT {
			times[literal]++
		}
	}
	one := Tally{Files: 1, Bytes: len(text), Uses: make(map[string]Uses, len(times))}
	if len(text) > 0 {
		one.Lines = file.LineCount()
	}
	for name, n := range times {
		one.Uses[name] = Uses{Times: n, Files: 1}
		one.Identifiers += n
	}
	t.join(one)
}

// join adds another tally to t.
func (t *Tally) join(other Tally) {
	if t.Uses == nil {
		t.Uses = make(map[string]Uses, len(other.Uses))
	}
	t.Files += other.Files
	t.Lines += other.Lines
	t.Bytes += other.Bytes
	t.Identifiers += other.Identifiers
	for name, u := range other.Uses {
		have := t.Uses[name]
		t.Uses[name] = Uses{Times: have.Times + u.Times, Files: have.Files + u.Files}
	}
}

// Use is an identifier and its uses.
type Use struct {
	Identifier string
	Uses
}

// top returns the n most used identifiers; of equally used ones, the first in the
// alphabet comes first.
func (t *Tally) top(n int) []Use {
	uses := make([]Use, 0, len(t.Uses))
	for name, u := range t.Uses {
		uses = append(uses, Use{name, u})
	}
	slices.SortFunc(uses, func(a, b Use) int {
		return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Identifier, b.Identifier))
	})
	return uses[:min(n, len(uses))]
}
