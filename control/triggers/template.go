package triggers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// placeholder is what may stand between braces, and what it becomes.
type placeholder struct {
	name  string
	value func(batch.S3Event) string
}

var placeholders = []placeholder{
	{"bucket", func(e batch.S3Event) string { return e.Bucket }},
	{"key", func(e batch.S3Event) string { return e.Key }},
	{"version", func(e batch.S3Event) string { return e.Version }},
	{"size", func(e batch.S3Event) string {
		if e.Size == nil {
			return ""
		}
		return strconv.FormatInt(*e.Size, 10)
	}},
	{"etag", func(e batch.S3Event) string { return e.ETag }},
}

// placeholderNames lists them for messages: "{bucket}, {key}, ...".
func placeholderNames() string {
	var names []string
	for _, p := range placeholders {
		names = append(names, "{"+p.name+"}")
	}
	return strings.Join(names, ", ")
}

// howBraces is the next step of every mistake with braces.
func howBraces() string {
	return "use " + placeholderNames() + "; write a literal brace twice, {{ or }}"
}

// substitute puts an event into a template. {{ and }} are literal braces. What is put
// in is not looked at again, so that a key with braces in it stays as it is.
func substitute(template string, e batch.S3Event) (string, error) {
	if !strings.ContainsAny(template, "{}") {
		return template, nil
	}
	var b strings.Builder
	for rest := template; rest != ""; {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:at])
		brace, behind := rest[at], rest[at+1:]
		switch {
		case behind != "" && behind[0] == brace:
			b.WriteByte(brace)
			rest = behind[1:]
			continue
		case brace == '}':
			return "", refuse(fmt.Sprintf("%q has a } that closes nothing", template), howBraces())
		}
		name, after, closed := strings.Cut(behind, "}")
		if !closed {
			return "", refuse(fmt.Sprintf("%q has a { that is not closed", template), howBraces())
		}
		i := slices.IndexFunc(placeholders, func(p placeholder) bool { return p.name == name })
		if i < 0 {
			return "", refuse(fmt.Sprintf("%q has {%s}, which stands for nothing", template, name), howBraces())
		}
		b.WriteString(placeholders[i].value(e))
		rest = after
	}
	return b.String(), nil
}
