package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonical writes the request in the form that both sides sign.
func (s *signature) canonical(r *http.Request, bodyHash string) ([]byte, bool) {
	b := make([]byte, 0, 1024)
	b = append(b, r.Method...)
	b = append(b, '\n')
	path := r.URL.EscapedPath() // as it came, percent-encoded once
	if path == "" {
		path = "/"
	}
	b = appendEscaped(b, path, '/')
	b = append(b, '\n')
	b, ok := appendQuery(b, r.URL.RawQuery)
	if !ok {
		return nil, false
	}
	b = append(b, '\n')
	for _, name := range s.headers {
		b = append(b, name...)
		b = append(b, ':')
		if b, ok = appendHeader(b, r, name); !ok {
			return nil, false
		}
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range s.headers {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, bodyHash...), true
}

const upperHex = "0123456789ABCDEF"

// appendEscaped percent-encodes all but the unreserved characters of RFC 3986 and
// one more.
func appendEscaped(b []byte, s string, except byte) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == except && except != 0:
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// appendQuery writes the query sorted, each name and value encoded anew, without
// the signature itself.
func appendQuery(b []byte, raw string) ([]byte, bool) {
	if raw == "" {
		return b, true
	}
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, false
		}
		value, err = url.QueryUnescape(value)
		if err != nil {
			return nil, false
		}
		if name == "X-Amz-Signature" {
			continue
		}
		one := appendEscaped(make([]byte, 0, len(pair)+16), name, 0)
		one = append(one, '=')
		pairs = append(pairs, string(appendEscaped(one, value, 0)))
	}
	slices.SortFunc(pairs, func(x, y string) int {
		xName, xValue, _ := strings.Cut(x, "=")
		yName, yValue, _ := strings.Cut(y, "=")
		if c := strings.Compare(xName, yName); c != 0 {
			return c
		}
		return strings.Compare(xValue, yValue)
	})
	return append(b, strings.Join(pairs, "&")...), true
}

// appendHeader writes the values of a header, trimmed, with single spaces. It is
// false for a header that is not there.
func appendHeader(b []byte, r *http.Request, name string) ([]byte, bool) {
	switch name {
	case "host": // net/http keeps it apart
		return append(b, r.Host...), true
	case "content-length":
		if r.Header.Get("Content-Length") == "" {
			return strconv.AppendInt(b, r.ContentLength, 10), true
		}
	}
	values := r.Header.Values(name)
	if len(values) == 0 {
		return nil, false
	}
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendTrimmed(b, value)
	}
	return b, true
}

func appendTrimmed(b []byte, value string) []byte {
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if value[i] == ' ' && value[i-1] == ' ' {
			continue
		}
		b = append(b, value[i])
	}
	return b
}
