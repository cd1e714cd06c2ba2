package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// span writes a duration for people, in its two largest units: 12s, 4m12s, 3h5m, 2d3h.
// A second unit of zero is left out: 20m, 1h.
func span(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	two := func(large int, unit string, small int, smallUnit string) string {
		if small == 0 {
			return strconv.Itoa(large) + unit
		}
		return strconv.Itoa(large) + unit + strconv.Itoa(small) + smallUnit
	}
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return two(s/60, "m", s%60, "s")
	case s < 24*3600:
		return two(s/3600, "h", s%3600/60, "m")
	}
	return two(s/86400, "d", s%86400/3600, "h")
}

// exact is span with tenths of a second below a minute.
func exact(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", max(d, 0).Seconds())
	}
	return span(d)
}

// moment reads a time of the wire: Unix milliseconds, 0 or absent for none.
func moment(millis *int64) time.Time {
	if aws.ToInt64(millis) == 0 {
		return time.Time{}
	}
	return time.UnixMilli(*millis)
}

// clock writes a time for people, in the App's zone; an empty string for none.
func (a *App) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(a.Zone).Format("2006-01-02 15:04:05 MST")
}

// since is how long ago t was; an empty string for no time.
func (a *App) since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return span(a.Now().Sub(t))
}

// shortName takes the name out of an ARN: "arn:aws:batch:r:a:job-queue/high" is "high".
// What is no ARN is returned as it is.
func shortName(ref string) string {
	if !strings.HasPrefix(ref, "arn:") {
		return ref
	}
	if _, name, ok := strings.Cut(ref, "/"); ok {
		return name
	}
	return ref
}

// parseMiB reads an amount of memory. A plain number is MiB, as on the wire; 512M,
// 512MiB, 2G, 2GiB and 1.5GiB are understood too.
func parseMiB(s string) (int, error) {
	number := strings.TrimRight(strings.ToLower(strings.TrimSpace(s)), "abcdefghijklmnopqrstuvwxyz")
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s))[len(number):], "b"), "i")
	scale, ok := map[string]float64{"": 1, "m": 1, "g": 1024, "t": 1024 * 1024}[unit]
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !ok || !(n > 0) || n*scale > math.MaxInt32 {
		return 0, usage("%s is not an amount of memory", quote(s)).hint("give MiB as a plain number, or a unit: 2048, 512MiB, 2GiB")
	}
	return int(math.Ceil(n * scale)), nil
}

// parseWhen reads a point in time: a duration before now (90m, 36h, 7d) or a time such
// as 2026-05-01, 2026-05-01T10:00 or the full RFC 3339 form. Without a zone the App's
// zone is meant.
func (a *App) parseWhen(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := parseSpan(s); err == nil {
		return a.Now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, a.Zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("--%s %s is not a time", flag, quote(s)).hint("give a duration such as 90m or 7d, or a time such as 2026-05-01T10:00")
}

// parseSpan is time.ParseDuration with days.
func parseSpan(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n < 0 {
			return 0, fmt.Errorf("%q is not a duration", s)
		}
		return time.Duration(n * float64(24*time.Hour)), nil
	}
	d, err := time.ParseDuration(s)
	if err == nil && d < 0 {
		return 0, fmt.Errorf("%q is before nothing", s)
	}
	return d, err
}

// plural writes a count and its noun: 1 job, 2 jobs.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
