package logfile

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// GroupMark is the file in a group's directory whose time is that of the group's
// creation (a directory's own time moves with each stream in it). It holds the
// group's name in quotes, which the directory's name may not hold in full.
const GroupMark = ".created"

const (
	streamSuffix = ".log"
	// maxName is the most characters in a name of CloudWatch Logs.
	maxName = 512
	// maxPlain is the longest encoded name that is a file name by itself: file
	// systems end at 255 bytes, and the suffix needs some.
	maxPlain = 240
	// keptPlain is how much of a longer name stays readable before its hash.
	keptPlain = 180
	// longMark separates the two; fileName never lets it through from a name.
	longMark = "~"
	// longHeader begins the first line of a file whose name does not hold all of
	// the stream's name. It is no event, for it has no time stamp.
	longHeader = "# "
)

// NameError is a name that no log group or stream can have.
type NameError struct {
	What   string // "group" or "stream"
	Length int    // of the name, in bytes
}

func (e *NameError) Error() string {
	return fmt.Sprintf("the log %s name must have 1 to %d characters, got %d", e.What, maxName, e.Length)
}

func checkName(what, name string) error {
	if name == "" || len(name) > maxName {
		return &NameError{What: what, Length: len(name)}
	}
	return nil
}

// fileName encodes the name of a group or stream as one file name, whatever is in
// it: '/' becomes '+', which a shell leaves alone; letters, digits, '_', '-' and
// inner '.' stay; every other byte is %XX. A name that would be too long is cut
// and ends with its hash.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/':
			b.WriteByte('+')
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '_', c == '-', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() <= maxPlain {
		return b.String()
	}
	sum := sha256.Sum256([]byte(name))
	return b.String()[:keptPlain] + longMark + hex.EncodeToString(sum[:20])
}

func isLong(file string) bool { return strings.Contains(file, longMark) }

// IsStream reports whether a file of a group's directory is that of a stream.
func IsStream(file string) bool {
	return strings.HasSuffix(file, streamSuffix) && !strings.HasPrefix(file, ".")
}

// GroupDir is the directory of a group in the store at dir.
func GroupDir(dir, group string) (string, error) {
	if err := checkName("group", group); err != nil {
		return "", err
	}
	return dir + "/" + fileName(group), nil
}

// Path is the file of a stream in the store at dir.
func Path(dir, group, stream string) (string, error) {
	groupDir, err := GroupDir(dir, group)
	if err != nil {
		return "", err
	}
	if err := checkName("stream", stream); err != nil {
		return "", err
	}
	return groupDir + "/" + fileName(stream) + streamSuffix, nil
}

// plainName is the inverse of fileName for names that were not cut.
func plainName(file string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(file); i++ {
		switch c := file[i]; c {
		case '+':
			b.WriteByte('/')
		case '%':
			if i+2 >= len(file) {
				return "", false
			}
			v, err := strconv.ParseUint(file[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			b.WriteByte(byte(v))
			i += 2
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// StreamName is the name of the stream in a file of groupDir; false for a file
// that is no stream.
func StreamName(groupDir, file string) (string, bool) {
	if !IsStream(file) {
		return "", false
	}
	if base := strings.TrimSuffix(file, streamSuffix); !isLong(base) {
		return plainName(base)
	}
	return quotedName(groupDir+"/"+file, longHeader)
}

// GroupName is the name of the group in a directory of the store at dir.
func GroupName(dir, group string) (string, bool) {
	if !isLong(group) {
		return plainName(group)
	}
	return quotedName(dir+"/"+group+"/"+GroupMark, "")
}

// quotedName reads a name from the first line of a file, behind prefix.
func quotedName(path, prefix string) (string, bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	line, err := bufio.NewReader(f).ReadString('\n')
	quoted, ok := strings.CutPrefix(line, prefix)
	if err != nil || !ok {
		return "", false
	}
	name, err := strconv.Unquote(strings.TrimSuffix(quoted, "\n"))
	return name, err == nil
}
