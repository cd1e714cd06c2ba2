package logs

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/logs/logfile"
)

// defaultList is how many groups or streams a page lists when the caller does not
// say: CloudWatch's default (and its maximum).
const defaultList = 50

// StreamInfo describes a stream, as DescribeLogStreams does.
type StreamInfo struct {
	Name        string
	Created     time.Time // when it was first written to
	First, Last time.Time // of its events; zero when it has none
	Bytes       int64
}

// StreamsQuery asks for the streams of a group.
type StreamsQuery struct {
	Prefix      string
	ByLastEvent bool // order by the time of the last event instead of by name
	Descending  bool
	Limit       int // 0 is 50
	Token       string
}

// StreamsPage is a page of streams; Next is empty on the last one.
type StreamsPage struct {
	Streams []StreamInfo
	Next    string
}

// streamFile is a stream as the directory shows it.
type streamFile struct {
	name string
	path string
}

// streamFiles lists the streams of a group whose names begin with prefix, by name.
func (s *Store) streamFiles(group, prefix string) ([]streamFile, error) {
	dir, err := logfile.GroupDir(s.dir, group)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("log group %q: %w", group, ErrNoGroup)
	}
	if err != nil {
		return nil, fmt.Errorf("log group %q: %w", group, err)
	}
	files := make([]streamFile, 0, len(entries))
	for _, e := range entries {
		if name, ok := logfile.StreamName(dir, e.Name()); ok && strings.HasPrefix(name, prefix) {
			files = append(files, streamFile{name: name, path: filepath.Join(dir, e.Name())})
		}
	}
	slices.SortFunc(files, func(a, b streamFile) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// Streams lists the streams of a group. By name it looks only into those of the
// page; by last event it has to look into all.
func (s *Store) Streams(ctx context.Context, group string, q StreamsQuery) (StreamsPage, error) {
	files, err := s.streamFiles(group, q.Prefix)
	if err != nil {
		return StreamsPage{}, err
	}
	if q.ByLastEvent {
		return streamsByLastEvent(ctx, files, q)
	}
	if q.Descending {
		slices.Reverse(files)
	}
	after, err := parseListToken(q.Token)
	if err != nil {
		return StreamsPage{}, err
	}
	var page StreamsPage
	for _, f := range files {
		if q.Token != "" && !follows(strings.Compare(f.name, after.name), q.Descending) {
			continue
		}
		if len(page.Streams) == listLimit(q.Limit) {
			page.Next = listToken{name: page.Streams[len(page.Streams)-1].Name}.String()
			break
		}
		if err := ctx.Err(); err != nil {
			return StreamsPage{}, err
		}
		if info, ok := f.info(); ok {
			page.Streams = append(page.Streams, info)
		}
	}
	return page, nil
}

func streamsByLastEvent(ctx context.Context, files []streamFile, q StreamsQuery) (StreamsPage, error) {
	after, err := parseListToken(q.Token)
	if err != nil {
		return StreamsPage{}, err
	}
	key := func(s StreamInfo) listToken {
		if s.Last.IsZero() {
			return listToken{name: s.Name}
		}
		return listToken{at: s.Last.UnixNano(), name: s.Name}
	}
	var all []StreamInfo
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return StreamsPage{}, err
		}
		info, ok := f.info()
		if ok && (q.Token == "" || follows(key(info).compare(after), q.Descending)) {
			all = append(all, info)
		}
	}
	slices.SortFunc(all, func(a, b StreamInfo) int {
		if q.Descending {
			a, b = b, a
		}
		return key(a).compare(key(b))
	})
	page := StreamsPage{Streams: all}
	if limit := listLimit(q.Limit); len(all) > limit {
		page.Streams = all[:limit]
		page.Next = key(all[limit-1]).String()
	}
	return page, nil
}

// follows reports whether an item stands after another in a list, order being
// their comparison.
func follows(order int, descending bool) bool {
	if descending {
		return order < 0
	}
	return order > 0
}

func listLimit(limit int) int {
	if limit <= 0 {
		return defaultList
	}
	return limit
}

// info looks into the file; false when it is gone.
func (f streamFile) info() (StreamInfo, bool) {
	r, err := openReader(f.path)
	if err != nil {
		return StreamInfo{}, false
	}
	defer r.close()
	info := StreamInfo{Name: f.name, Bytes: r.end}
	_ = r.forward(0, r.end, 4<<10, func(e entry) bool { info.First = e.at; return false })
	info.Last, _ = logfile.LastTime(r.file, r.end)
	info.Created = info.First
	if stat, err := r.file.Stat(); err == nil && info.Created.IsZero() {
		info.Created = stat.ModTime()
	}
	return info, true
}

// GroupInfo describes a group, as DescribeLogGroups does.
type GroupInfo struct {
	Name    string
	Created time.Time
	Bytes   int64
}

// GroupsPage is a page of groups; Next is empty on the last one.
type GroupsPage struct {
	Groups []GroupInfo
	Next   string
}

// Groups lists the groups whose names begin with prefix, by name. A limit of 0 is 50.
func (s *Store) Groups(ctx context.Context, prefix string, limit int, token string) (GroupsPage, error) {
	after, err := parseListToken(token)
	if err != nil {
		return GroupsPage{}, err
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return GroupsPage{}, fmt.Errorf("list log groups: %w", err)
	}
	type found struct{ name, dir string }
	var all []found
	for _, e := range entries {
		name, ok := logfile.GroupName(s.dir, e.Name())
		if ok && e.IsDir() && strings.HasPrefix(name, prefix) && (token == "" || name > after.name) {
			all = append(all, found{name, filepath.Join(s.dir, e.Name())})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return strings.Compare(a.name, b.name) })
	var page GroupsPage
	for i, g := range all {
		if err := ctx.Err(); err != nil {
			return GroupsPage{}, err
		}
		if i == listLimit(limit) {
			page.Next = listToken{name: all[i-1].name}.String()
			break
		}
		page.Groups = append(page.Groups, groupInfo(g.name, g.dir))
	}
	return page, nil
}

func groupInfo(name, dir string) GroupInfo {
	info := GroupInfo{Name: name}
	if stat, err := os.Stat(filepath.Join(dir, logfile.GroupMark)); err == nil {
		info.Created = stat.ModTime()
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if stat, err := e.Info(); err == nil && logfile.IsStream(e.Name()) {
			info.Bytes += stat.Size()
		}
	}
	return info
}

// listToken is the place of the last item that a page showed, in base64 on the
// wire so that nobody builds on what is in it.
type listToken struct {
	at     int64 // nanoseconds since 1970; 0 in lists by name
	name   string
	offset int64 // of an event in the stream; 0 in lists of streams
}

func (t listToken) compare(o listToken) int {
	return cmp.Or(cmp.Compare(t.at, o.at), strings.Compare(t.name, o.name), cmp.Compare(t.offset, o.offset))
}

func (t listToken) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d/%d/%s", t.at, t.offset, t.name))
}

func parseListToken(token string) (listToken, error) {
	if token == "" {
		return listToken{}, nil
	}
	plain, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return listToken{}, ErrToken
	}
	parts := strings.SplitN(string(plain), "/", 3)
	if len(parts) != 3 {
		return listToken{}, ErrToken
	}
	at, atErr := strconv.ParseInt(parts[0], 10, 64)
	offset, offsetErr := strconv.ParseInt(parts[1], 10, 64)
	if atErr != nil || offsetErr != nil {
		return listToken{}, ErrToken
	}
	return listToken{at: at, name: parts[2], offset: offset}, nil
}
