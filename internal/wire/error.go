package wire

import (
	"fmt"
	"strings"
)

// Error says why a text was not read. The API answers SerializationException, 400.
type Error struct {
	// Path is the member that does not fit, as a client writes it
	// ("containerOverrides.environment[2].value"); empty when the text is no JSON
	// or the whole of it is meant.
	Path string
	// AWS is the phrase that AWS has for this case, empty if it has none.
	AWS string
	// Problem says what was expected and what was there.
	Problem string
	// Offset is the position in the text, in bytes from 0.
	Offset int
}

// Error gives AWS's phrase first, for whoever matches it, then ours.
func (e *Error) Error() string {
	var b strings.Builder
	if e.AWS != "" {
		b.WriteString(e.AWS)
		b.WriteString(": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "%s (at byte %d)", e.Problem, e.Offset)
	return b.String()
}

// under puts a member's name before the path of an error from within it.
func under(err error, name string) error {
	if e, ok := err.(*Error); ok && !e.malformed() {
		if e.Path == "" || e.Path[0] == '[' {
			e.Path = name + e.Path
		} else {
			e.Path = name + "." + e.Path
		}
	}
	return err
}

// within puts a list's index before the path of an error from within it.
func within(err error, i int) error { return under(err, fmt.Sprintf("[%d]", i)) }

// awsMalformed is what AWS says of a text that is no JSON.
const awsMalformed = "Unable to parse request body"

func (e *Error) malformed() bool { return e.AWS == awsMalformed }
