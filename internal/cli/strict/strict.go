// Package strict reads YAML and JSON into the request types of the AWS SDK, and
// refuses what those types do not have.
//
// The SDK's types carry no tags: a member's name on the wire is its Go name with the
// first letter lowered. encoding/json reads that, but it ignores members that it does
// not know, and a misspelt "maxVcpus" would silently do nothing. Decode instead builds
// a twin of the type whose fields carry their wire names, lets the YAML decoder fill
// the twin strictly, and copies it over. So an unknown member, a member given twice and
// a value of the wrong type are errors that name the member and its line, and a
// scalar keeps its spelling where text is wanted: value: 0.50 is "0.50" and value: yes
// is "yes".
//
// JSON needs no path of its own: YAML contains it.
package strict

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v2"
)

// Problem is one thing that is wrong with a document.
type Problem struct {
	Line    int // from 1; 0 when it is not known
	Message string
}

// Problems are all that is wrong with a document, in the order of its lines.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Message
		if one.Line > 0 {
			lines[i] = fmt.Sprintf("line %d: %s", one.Line, one.Message)
		}
	}
	return strings.Join(lines, "; ")
}

// Decode reads one document into the value that into points to. An empty document
// leaves it as it is. Whatever is wrong with the document is reported as Problems.
func Decode(document []byte, into any) error {
	target := reflect.ValueOf(into).Elem()
	known := map[string]bool{}
	filled := reflect.New(twin(target.Type(), known))
	if err := yaml.UnmarshalStrict(document, filled.Interface()); err != nil {
		return explain(err, known)
	}
	copyTwin(target, filled.Elem())
	return nil
}

// Documents splits a YAML stream at its "---" lines. Each part keeps the line numbers
// that it had in the whole; parts with nothing but space and comments are left out.
func Documents(stream []byte) [][]byte {
	var out [][]byte
	var part strings.Builder
	start := 0 // lines before this part
	flush := func() {
		if hasContent(part.String()) {
			out = append(out, []byte(strings.Repeat("\n", start)+part.String()))
		}
		part.Reset()
	}
	for i, line := range strings.SplitAfter(string(stream), "\n") {
		trimmed := strings.TrimRight(line, "\r\n \t")
		if trimmed == "---" || strings.HasPrefix(trimmed, "--- ") {
			flush()
			start = i + 1
			continue
		}
		part.WriteString(line)
	}
	flush()
	return out
}

func hasContent(part string) bool {
	for line := range strings.Lines(part) {
		if t := strings.TrimSpace(line); t != "" && !strings.HasPrefix(t, "#") {
			return true
		}
	}
	return false
}

// twin returns t with every struct in it replaced by one whose fields carry their wire
// names as YAML keys. It adds the names to known. No type of the Batch API contains
// itself, so this ends.
func twin(t reflect.Type, known map[string]bool) reflect.Type {
	switch t.Kind() {
	case reflect.Pointer:
		return reflect.PointerTo(twin(t.Elem(), known))
	case reflect.Slice:
		return reflect.SliceOf(twin(t.Elem(), known))
	case reflect.Map:
		return reflect.MapOf(t.Key(), twin(t.Elem(), known))
	case reflect.Struct:
		var fields []reflect.StructField
		for f := range exported(t) {
			name := wireName(f)
			known[name] = true
			fields = append(fields, reflect.StructField{
				Name: f.Name,
				Type: twin(f.Type, known),
				Tag:  reflect.StructTag(fmt.Sprintf("yaml:%q", name)),
			})
		}
		return reflect.StructOf(fields)
	}
	return t
}

// exported yields the fields of a struct that are members on the wire.
func exported(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && !f.Anonymous && !yield(f) {
				return
			}
		}
	}
}

func wireName(f reflect.StructField) string { return strings.ToLower(f.Name[:1]) + f.Name[1:] }

// copyTwin copies a value of the twin type over one of the type itself.
func copyTwin(to, from reflect.Value) {
	switch to.Kind() {
	case reflect.Pointer:
		if !from.IsNil() {
			to.Set(reflect.New(to.Type().Elem()))
			copyTwin(to.Elem(), from.Elem())
		}
	case reflect.Slice:
		if !from.IsNil() {
			to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
			for i := range from.Len() {
				copyTwin(to.Index(i), from.Index(i))
			}
		}
	case reflect.Map:
		if !from.IsNil() {
			to.Set(reflect.MakeMapWithSize(to.Type(), from.Len()))
			for _, k := range from.MapKeys() {
				v := reflect.New(to.Type().Elem()).Elem()
				copyTwin(v, from.MapIndex(k))
				to.SetMapIndex(k, v)
			}
		}
	case reflect.Struct:
		for f := range exported(to.Type()) {
			copyTwin(to.FieldByIndex(f.Index), from.FieldByName(f.Name))
		}
	default:
		to.Set(from)
	}
}

// The texts of the YAML decoder, which has no types for them.
var (
	atLine   = regexp.MustCompile(`(?s)^(?:yaml: )?(?:unmarshal errors:\s*)?line (\d+): (.*)$`)
	unknown  = regexp.MustCompile(`(?s)^field (\S+) not found in type `)
	twice    = regexp.MustCompile(`(?s)^(?:field|key) "?([^"\s]+)"? already set in `)
	mistyped = regexp.MustCompile("(?s)^cannot unmarshal (!!\\S+)(?: `(.*)`)? into (.*)$")
)

// explain turns the decoder's errors into Problems in the words of the document.
func explain(err error, known map[string]bool) error {
	texts := []string{err.Error()}
	var many *yaml.TypeError
	if errors.As(err, &many) {
		texts = many.Errors
	}
	var out Problems
	for _, text := range texts {
		p := Problem{Message: strings.TrimPrefix(text, "yaml: ")}
		if m := atLine.FindStringSubmatch(text); m != nil {
			p.Line, _ = strconv.Atoi(m[1]) // digits, or the line is not known
			p.Message = m[2]
		}
		if m := unknown.FindStringSubmatch(p.Message); m != nil {
			p.Message = fmt.Sprintf("unknown key %q", m[1])
			if near := nearest(m[1], known); near != "" {
				p.Message += fmt.Sprintf(", did you mean %q?", near)
			}
		} else if m := twice.FindStringSubmatch(p.Message); m != nil {
			p.Message = fmt.Sprintf("key %q is given twice", m[1])
		} else if m := mistyped.FindStringSubmatch(p.Message); m != nil {
			p.Message = fmt.Sprintf("%s where %s is wanted", found(m[1], m[2]), wanted(m[3]))
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Problem) int { return a.Line - b.Line })
	return out
}

func found(tag, text string) string {
	switch tag {
	case "!!map":
		return "a mapping"
	case "!!seq":
		return "a list"
	}
	return fmt.Sprintf("%q", text)
}

func wanted(goType string) string {
	switch t := strings.TrimLeft(goType, "*"); {
	case strings.HasPrefix(t, "[]"):
		return "a list"
	case strings.HasPrefix(t, "struct"), strings.HasPrefix(t, "map["):
		return "a mapping"
	case strings.HasPrefix(t, "int"), strings.HasPrefix(t, "uint"):
		return "a whole number"
	case strings.HasPrefix(t, "float"):
		return "a number"
	case t == "bool":
		return "true or false"
	}
	return "text"
}

// nearest returns the known name that was probably meant: the same but for the case
// of its letters, or at most two edits away. Ties go to the first in the alphabet.
func nearest(name string, known map[string]bool) string {
	best, least := "", 3
	for _, k := range sorted(known) {
		if strings.EqualFold(k, name) {
			return k
		}
		if d := distance(strings.ToLower(k), strings.ToLower(name)); d < least && d*2 < len(name) {
			best, least = k, d
		}
	}
	return best
}

func sorted(set map[string]bool) []string {
	var out []string
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// distance is Levenshtein's: how many letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
