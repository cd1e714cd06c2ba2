package logfile

import (
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	// stampLayout is RFC 3339 in UTC with all nine digits of the second.
	stampLayout = "2006-01-02T15:04:05.000000000Z"
	stampLen    = len(stampLayout)
	// What stands between time stamp and message.
	plainMark  = ' ' // the message follows as it is, to the end of the line
	quotedMark = '"' // it follows in Go's quotes
)

// appendLine appends one event as a line. The message may hold any bytes; only a
// newline needs the quoted form.
func appendLine(dst []byte, at time.Time, message []byte) []byte {
	dst = at.UTC().AppendFormat(dst, stampLayout)
	if !hasNewline(message) {
		dst = append(dst, plainMark)
		dst = append(dst, message...)
		return append(dst, '\n')
	}
	dst = strconv.AppendQuote(dst, string(message))
	return append(dst, '\n')
}

func hasNewline(message []byte) bool {
	for _, c := range message {
		if c == '\n' {
			return true
		}
	}
	return false
}

// ParseLine splits a line, without its newline, into time and message; false for
// what is no event. The message aliases line.
func ParseLine(line []byte) (at time.Time, message []byte, ok bool) {
	if len(line) <= stampLen {
		return time.Time{}, nil, false
	}
	at, ok = parseStamp(line[:stampLen])
	if !ok {
		return time.Time{}, nil, false
	}
	switch rest := line[stampLen:]; rest[0] {
	case plainMark:
		return at, rest[1:], true
	case quotedMark:
		text, err := strconv.Unquote(string(rest))
		if err != nil {
			return at, rest, true // someone edited the file: show what is there
		}
		return at, []byte(text), true
	}
	return time.Time{}, nil, false
}

// parseStamp reads a time in stampLayout. It is time.Parse for this one layout,
// fast enough to scan files with.
func parseStamp(b []byte) (time.Time, bool) {
	if b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != '.' || b[29] != 'Z' {
		return time.Time{}, false
	}
	bad := false
	number := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			if c < '0' || c > '9' {
				bad = true
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second, nano := number(11, 13), number(14, 16), number(17, 19), number(20, 29)
	if bad || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nano, time.UTC), true
}

// cut returns the first part of a message that fits one event and the rest,
// without splitting a character of UTF-8 if it can be helped.
func cut(message []byte, most int) (first, rest []byte) {
	if len(message) <= most {
		return message, nil
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(message[end]) {
		end--
	}
	if !utf8.RuneStart(message[end]) {
		end = most // not text
	}
	return message[:end], message[end:]
}
