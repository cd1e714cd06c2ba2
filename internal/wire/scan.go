package wire

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds on what is read; a request of AWS Batch comes nowhere near them.
const (
	// maxDepth is how deep lists and objects may nest. The deepest request of the
	// API has 9 levels.
	maxDepth = 64
	// maxItems is the longest list. It keeps a small text of "{},{},..." from
	// becoming a large value. The longest list of the API has 1,000 items.
	maxItems = 10_000
)

// scanner walks over a JSON text.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

// broken is the error for a text that is no JSON.
func (s *scanner) broken(format string, args ...any) error {
	return &Error{AWS: awsMalformed, Problem: fmt.Sprintf(format, args...), Offset: s.pos}
}

// peek skips white space and returns the byte after it, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\r', '\t':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// ended fails unless only white space is left.
func (s *scanner) ended() error {
	if s.peek(); s.pos < len(s.data) {
		return s.broken("there is more behind the end of the JSON value")
	}
	return nil
}

func (s *scanner) enter() error {
	s.pos++
	if s.depth++; s.depth > maxDepth {
		return s.broken("more than %d levels of lists and objects", maxDepth)
	}
	return nil
}

func (s *scanner) leave() {
	s.pos++
	s.depth--
}

// more moves to the next element of a list or object that ends with end, or past
// its end; first says that none was read yet.
func (s *scanner) more(end byte, first bool) (bool, error) {
	c := s.peek()
	switch {
	case c == end:
		s.leave()
		return false, nil
	case first:
		return true, nil
	case c == ',':
		s.pos++
		if s.peek() == end {
			return false, s.broken("a comma before %q", end)
		}
		return true, nil
	}
	return false, s.unexpected(fmt.Sprintf("',' or %q", end))
}

func (s *scanner) unexpected(want string) error {
	if s.pos >= len(s.data) {
		return s.broken("it ends where %s was expected", want)
	}
	r, size := utf8.DecodeRune(s.data[s.pos:])
	if r == utf8.RuneError && size == 1 {
		return s.broken("byte 0x%02x, which is not UTF-8, where %s was expected", s.data[s.pos], want)
	}
	return s.broken("%q where %s was expected", r, want)
}

// key reads a member's name and its colon.
func (s *scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.unexpected("a member name in double quotes")
	}
	name, err := s.text()
	if err != nil {
		return nil, err
	}
	if s.peek() != ':' {
		return nil, s.unexpected("':'")
	}
	s.pos++
	return name, nil
}

// text reads a string, at its opening quote. The result may lie in the input.
func (s *scanner) text() ([]byte, error) {
	s.pos++
	start := s.pos
	high := false
	for ; s.pos < len(s.data); s.pos++ {
		c := s.data[s.pos]
		if plain[c] {
			continue
		}
		switch {
		case c == '"':
			found := s.data[start:s.pos]
			if high && !utf8.Valid(found) {
				s.pos = start
				return nil, s.broken("a string that is not UTF-8")
			}
			s.pos++
			return found, nil
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			return nil, s.broken("a control character (0x%02x) in a string; write it as \\u%04x", c, c)
		}
		high = true
	}
	return nil, s.broken("it ends within a string")
}

// escaped reads on in a string that began at start and has an escape at s.pos.
func (s *scanner) escaped(start int) ([]byte, error) {
	out := append(make([]byte, 0, 2*(s.pos-start)+32), s.data[start:s.pos]...)
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				s.pos = start
				return nil, s.broken("a string that is not UTF-8")
			}
			s.pos++
			return out, nil
		case c < ' ':
			return nil, s.broken("a control character (0x%02x) in a string; write it as \\u%04x", c, c)
		case c != '\\':
			out = append(out, c)
			s.pos++
		default:
			var err error
			if out, err = s.escape(out); err != nil {
				return nil, err
			}
		}
	}
	return nil, s.broken("it ends within a string")
}

// escape reads one escape, at its backslash. Half a surrogate pair is U+FFFD, as
// in encoding/json.
func (s *scanner) escape(out []byte) ([]byte, error) {
	if s.pos+1 >= len(s.data) {
		return nil, s.broken("it ends within a string")
	}
	switch c := s.data[s.pos+1]; c {
	case '"', '\\', '/':
		out = append(out, c)
	case 'b':
		out = append(out, '\b')
	case 'f':
		out = append(out, '\f')
	case 'n':
		out = append(out, '\n')
	case 'r':
		out = append(out, '\r')
	case 't':
		out = append(out, '\t')
	case 'u':
		r, ok := s.hex(s.pos)
		if !ok {
			return nil, s.broken("\\u without four hexadecimal digits")
		}
		s.pos += 6
		if utf16.IsSurrogate(r) {
			low, ok := s.hex(s.pos)
			if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
				s.pos += 6
				return utf8.AppendRune(out, pair), nil
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(out, r), nil
	default:
		return nil, s.broken("the unknown escape \\%c in a string", c)
	}
	s.pos += 2
	return out, nil
}

// hex reads the escape \uXXXX that begins at i.
func (s *scanner) hex(i int) (rune, bool) {
	if i+6 > len(s.data) || s.data[i] != '\\' || s.data[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s.data[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads a number and says whether it is written as an integer.
func (s *scanner) number() (text []byte, integer bool, err error) {
	start := s.pos
	if s.data[s.pos] == '-' {
		s.pos++
	}
	if s.at('0') {
		s.pos++
	} else if !s.digits() {
		return nil, false, s.unexpected("a digit")
	}
	integer = true
	if s.at('.') {
		integer = false
		s.pos++
		if !s.digits() {
			return nil, false, s.unexpected("a digit")
		}
	}
	if s.at('e') || s.at('E') {
		integer = false
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		if !s.digits() {
			return nil, false, s.unexpected("a digit")
		}
	}
	return s.data[start:s.pos], integer, nil
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.data) && s.data[s.pos] == c }

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos] >= '0' && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// word reads true, false or null.
func (s *scanner) word(word string) error {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return s.unexpected("a JSON value")
	}
	s.pos += len(word)
	return nil
}

// kind is what a JSON value begins as.
type kind uint8

const (
	kindNone kind = iota // no JSON value
	kindString
	kindNumber
	kindTrue
	kindFalse
	kindNull
	kindList
	kindObject
)

func (s *scanner) kind() kind {
	switch c := s.peek(); {
	case c == '"':
		return kindString
	case c == '{':
		return kindObject
	case c == '[':
		return kindList
	case c == 't':
		return kindTrue
	case c == 'f':
		return kindFalse
	case c == 'n':
		return kindNull
	case c == '-', c >= '0' && c <= '9':
		return kindNumber
	}
	return kindNone
}

// skip reads over one value of any kind.
func (s *scanner) skip() error {
	switch s.kind() {
	case kindString:
		_, err := s.text()
		return err
	case kindNumber:
		_, _, err := s.number()
		return err
	case kindTrue:
		return s.word("true")
	case kindFalse:
		return s.word("false")
	case kindNull:
		return s.word("null")
	case kindList:
		if err := s.enter(); err != nil {
			return err
		}
		for first := true; ; first = false {
			more, err := s.more(']', first)
			if err != nil || !more {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
	case kindObject:
		if err := s.enter(); err != nil {
			return err
		}
		for first := true; ; first = false {
			more, err := s.more('}', first)
			if err != nil || !more {
				return err
			}
			if _, err := s.key(); err != nil {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
	}
	return s.unexpected("a JSON value")
}
