package logs

import (
	"fmt"
	"regexp"
	"strings"
)

// PatternError says what is wrong with a filter pattern. CloudWatch answers
// InvalidParameterException.
type PatternError struct {
	Pattern string
	Problem string
}

func (e *PatternError) Error() string {
	return fmt.Sprintf("filter pattern %q: %s", e.Pattern, e.Problem)
}

// pattern is a filter pattern for unstructured text: all of the required terms,
// none of the excluded ones and, if there are optional ones, one of these.
type pattern struct {
	all, none, any []matcher
}

type matcher func(message string) bool

// parsePattern reads the syntax of "Filter and pattern syntax" (CloudWatch Logs
// user guide) as far as it is about text: term, "exact phrase", ?optional,
// -excluded and %regular expression%. As there, case counts, and optional terms
// are ignored beside others.
func parsePattern(source string) (*pattern, error) {
	p := &pattern{}
	rest := strings.TrimSpace(source)
	if strings.HasPrefix(rest, "{") {
		return nil, &PatternError{source, "JSON patterns are not supported here; use terms, as in ERROR -timeout"}
	}
	if strings.HasPrefix(rest, "[") {
		return nil, &PatternError{source, "patterns over columns ([a, b, ...]) are not supported here; use terms, as in ERROR -timeout"}
	}
	for rest != "" {
		kind := byte(0)
		if rest[0] == '?' || rest[0] == '-' {
			kind, rest = rest[0], rest[1:]
		}
		m, after, err := parseTerm(source, rest)
		if err != nil {
			return nil, err
		}
		switch kind {
		case '?':
			p.any = append(p.any, m)
		case '-':
			p.none = append(p.none, m)
		default:
			p.all = append(p.all, m)
		}
		rest = strings.TrimLeft(after, " \t\n")
	}
	if len(p.all)+len(p.none) > 0 {
		p.any = nil
	}
	return p, nil
}

// parseTerm reads one term, phrase or regular expression off the front of rest.
func parseTerm(source, rest string) (m matcher, after string, err error) {
	switch {
	case strings.HasPrefix(rest, `"`):
		phrase, after, ok := cutPhrase(rest[1:])
		if !ok {
			return nil, "", &PatternError{source, `a phrase lacks its closing quote (")`}
		}
		return contains(phrase), after, nil
	case strings.HasPrefix(rest, "%"):
		expression, after, ok := strings.Cut(rest[1:], "%")
		if !ok {
			return nil, "", &PatternError{source, "a regular expression lacks its closing %; put a term with % in double quotes"}
		}
		compiled, err := regexp.Compile(expression)
		if err != nil {
			return nil, "", &PatternError{source, err.Error()}
		}
		return compiled.MatchString, after, nil
	}
	term := rest
	if i := strings.IndexAny(rest, " \t\n"); i >= 0 {
		term, after = rest[:i], rest[i:]
	}
	if term == "" {
		return nil, "", &PatternError{source, "a ? or - stands alone; put a term behind it"}
	}
	return contains(term), after, nil
}

func contains(term string) matcher {
	return func(message string) bool { return strings.Contains(message, term) }
}

// cutPhrase reads up to the closing quote; a backslash takes the next character
// as it is.
func cutPhrase(rest string) (phrase, after string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			return b.String(), rest[i+1:], true
		case c == '\\' && i+1 < len(rest):
			i++
			b.WriteByte(rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func (p *pattern) matches(message string) bool {
	for _, m := range p.all {
		if !m(message) {
			return false
		}
	}
	for _, m := range p.none {
		if m(message) {
			return false
		}
	}
	for _, m := range p.any {
		if m(message) {
			return true
		}
	}
	return len(p.any) == 0
}
