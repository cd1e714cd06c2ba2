package policy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute/sim"
)

// Error is what is wrong with a policy, and what to do about it.
type Error struct {
	File    string
	Key     string // its path: "spot.price_factor"; empty: the file as a whole
	Problem string
	Next    string
}

func (e *Error) Error() string {
	text := e.File
	if e.Key != "" {
		text += ", " + e.Key
	}
	return text + ": " + e.Problem + "; " + e.Next
}

// file is a policy as it is written. Pointers tell what is said from what is not.
type file struct {
	Name         string          `json:"name"`
	Strategy     string          `json:"strategy"`
	Market       string          `json:"market"`
	Environments string          `json:"environments"`
	Types        json.RawMessage `json:"types"`
	UsableMemory string          `json:"usable_memory"`
	MaxVCPUs     *float64        `json:"max_vcpus"`
	Idle         json.RawMessage `json:"idle"`
	WaitUSD      *float64        `json:"wait_usd_per_hour"`
	Boot         *delay          `json:"boot"`
	Start        *delay          `json:"start"`
	Billing      struct {
		Minimum *span `json:"minimum"`
	} `json:"billing"`
	Spot struct {
		PriceFactor          *float64 `json:"price_factor"`
		InterruptionsPerHour *float64 `json:"interruptions_per_hour"`
		Notice               *span    `json:"notice"`
	} `json:"spot"`
	API struct {
		LaunchesPerSecond *float64 `json:"launches_per_second"`
		RunTaskPerSecond  *float64 `json:"run_task_per_second"`
	} `json:"api"`
	PassEvery *span   `json:"pass_every"`
	Seed      *uint64 `json:"seed"`
}

// whole is a number that has no fraction; NaN stands for one that has.
func whole(n *float64) *float64 {
	if n == nil || *n == math.Trunc(*n) {
		return n
	}
	nan := math.NaN()
	return &nan
}

// bounded is a rate; nil, no bound, where it is 0.
func bounded(n *float64) *float64 {
	if n == nil || *n == 0 {
		return nil
	}
	return n
}

// shown writes a number as people do.
func shown(n float64) string {
	if math.Abs(n) >= 1e15 {
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// Open reads a policy file. Files that it names are looked for beside it.
func Open(path string) (Policy, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Policy{}, &Error{File: path, Problem: reason(err), Next: "give a policy file (YAML) that you may read"}
	}
	return Read(path, text)
}

// reason is why a file cannot be read, without its name.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// Read reads a policy; path is that of its file.
func Read(path string, text []byte) (Policy, error) {
	name := filepath.Base(path)
	wrong := func(key, next, format string, args ...any) error {
		return &Error{File: name, Key: key, Problem: fmt.Sprintf(format, args...), Next: next}
	}
	f, err := decode(name, text)
	if err != nil {
		return Policy{}, err
	}
	p := Default()
	if p.Name = f.Name; len([]rune(p.Name)) > maxName || strings.ContainsFunc(p.Name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return p, wrong("name", fmt.Sprintf("give one of at most %d letters, on one line", maxName), "%q is no name for a report", p.Name)
	}
	if f.Strategy != "" {
		strategy, ok := Strategy(f.Strategy)
		if !ok {
			return p, wrong("strategy", "use one of "+strings.Join(Strategies, ", "), "there is no %q", f.Strategy)
		}
		p.Strategy = strategy
	}
	if f.Market != "" {
		p.Market = Market(f.Market)
		if !slices.Contains([]Market{OnDemand, Spot, Cheapest, Fargate}, p.Market) {
			return p, wrong("market", "use on-demand, spot, cheapest or fargate", "there is no %q", f.Market)
		}
	}
	switch p.Environments = f.Environments; {
	case p.Environments == "":
	case p.Environments != batch.EnvironmentsCheapest && p.Environments != batch.EnvironmentsSoonest:
		return p, wrong("environments", "use cheapest or soonest, or leave it out", "there is no %q", f.Environments)
	case p.Market == Fargate:
		return p, wrong("environments", "choose the market of the hosts that are to be weighed against Fargate", "the market is fargate alone")
	}
	switch f.UsableMemory {
	case "", "registered":
	case "advertised":
		p.Advertised = true
	default:
		return p, wrong("usable_memory", "use registered or advertised", "there is no %q", f.UsableMemory)
	}
	for _, n := range []struct {
		key       string
		value     *float64
		low, high float64
		set       func(float64)
	}{
		{"wait_usd_per_hour", f.WaitUSD, 1e-6, 1e6, func(v float64) { p.WaitUSDPerHour = v }},
		{"max_vcpus", whole(f.MaxVCPUs), 1, math.MaxInt32, func(v float64) { p.MaxVCPUs = int(v) }},
		{"spot.price_factor", f.Spot.PriceFactor, 0.01, 10, func(v float64) { p.Spot.PriceFactor = v }},
		{"spot.interruptions_per_hour", f.Spot.InterruptionsPerHour, 0, 60, func(v float64) { p.Spot.InterruptionsPerHour = v }},
		{"api.launches_per_second", bounded(f.API.LaunchesPerSecond), 0.001, 1e6, func(v float64) { p.API.LaunchesPerSecond = v }},
		{"api.run_task_per_second", bounded(f.API.RunTaskPerSecond), 0.001, 1e6, func(v float64) { p.API.RunTaskPerSecond = v }},
	} {
		if n.value == nil {
			continue
		}
		if math.IsNaN(*n.value) {
			return p, wrong(n.key, "write a whole number", "it has a fraction")
		}
		if *n.value < n.low || *n.value > n.high {
			return p, wrong(n.key, fmt.Sprintf("give a number from %s to %s", shown(n.low), shown(n.high)), "%s is out of range", shown(*n.value))
		}
		n.set(*n.value)
	}
	idle, err := readIdle(f.Idle)
	if err != nil {
		return p, wrong("idle", "write learned, or a duration such as 60s", "%v", err)
	}
	for _, d := range []struct {
		key         string
		value       *span
		least, most time.Duration
		set         func(time.Duration)
	}{
		{"idle", idle, 0, maxDelay, func(d time.Duration) { p.Idle = d }},
		{"billing.minimum", f.Billing.Minimum, 0, maxDelay, func(d time.Duration) { p.Minimum = d }},
		{"spot.notice", f.Spot.Notice, 0, maxNotice, func(d time.Duration) { p.Spot.Notice = d }},
		{"pass_every", f.PassEvery, time.Millisecond, maxDelay, func(d time.Duration) { p.PassEvery = d }},
	} {
		if d.value != nil && d.value.wrong != "" {
			return p, wrong(d.key, "write a duration such as 60s", "%s", d.value.wrong)
		}
		if d.value == nil {
			continue
		}
		value := d.value.time
		if value < d.least || value > d.most {
			return p, wrong(d.key, fmt.Sprintf("give a duration from %s to %s", d.least, d.most), "%s is out of range", value)
		}
		d.set(value)
	}
	for _, at := range []struct {
		key  string
		from *delay
		most time.Duration
		to   *Delay
	}{{"boot", f.Boot, maxBoot, &p.Boot}, {"start", f.Start, maxDelay, &p.Start}} {
		if at.from == nil {
			continue
		}
		made, err := at.from.make(at.most)
		if err != nil {
			return p, wrong(at.key, `write 60s, {from: 30s, to: 90s} or {median: 60s, p95: 90s}, of at most `+at.most.String(), "%v", err)
		}
		*at.to = made
	}
	if f.Seed != nil {
		p.Seed = *f.Seed
	}
	return p, p.readTypes(filepath.Dir(path), name, f.Types)
}

// readIdle reads a duration; nil is the strategy's own rule.
func readIdle(text json.RawMessage) (*span, error) {
	if len(text) == 0 || string(text) == `"learned"` || string(text) == "null" {
		return nil, nil
	}
	s := new(span)
	_ = s.UnmarshalJSON(text)
	if s.wrong != "" {
		return nil, errors.New(s.wrong)
	}
	return s, nil
}

const (
	// maxDelay bounds each duration of a policy that has no bound of its own.
	maxDelay = 24 * time.Hour
	// maxBoot bounds how long a host boots: after 15 min the engine takes it for one that
	// never comes, and after three of those its environment for INVALID.
	maxBoot = 14 * time.Minute
	// maxNotice bounds the notice of an interruption; EC2 gives two minutes.
	maxNotice = time.Hour
	// maxName is how many letters a policy's name may have.
	maxName = 100
)

// Strategy returns the strategy of a name or a short one ("ffd").
func Strategy(name string) (string, bool) {
	if full, ok := aliases[name]; ok {
		return full, true
	}
	return name, slices.Contains(Strategies, name)
}

// span is a duration: "90s", or a number of seconds. What is wrong with it is kept and not
// returned: the decoder would not say under which key it stands.
type span struct {
	time  time.Duration
	wrong string
}

func (s *span) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) == nil {
		var err error
		if s.time, err = time.ParseDuration(word); err != nil {
			s.wrong = fmt.Sprintf("%q is not a duration such as 90s", word)
		}
		return nil
	}
	n := math.NaN()
	if _ = json.Unmarshal(text, &n); !(math.Abs(n) <= maxDelay.Seconds()) { // NaN: it is no number
		s.wrong = fmt.Sprintf("%s is not a duration such as 90s", text)
		return nil
	}
	s.time = time.Duration(n * float64(time.Second))
	return nil
}

// delay is a span, or {from, to}, or {median, p95}.
type delay struct {
	always      *span
	From, To    *span
	Median, P95 *span
	unknown     string
}

func (d *delay) UnmarshalJSON(text []byte) error {
	var parts map[string]*span
	if err := json.Unmarshal(text, &parts); err == nil {
		for _, key := range slices.Sorted(maps.Keys(parts)) {
			value := parts[key]
			switch key {
			case "from":
				d.From = value
			case "to":
				d.To = value
			case "median":
				d.Median = value
			case "p95":
				d.P95 = value
			default:
				d.unknown = cmp.Or(d.unknown, key)
			}
		}
		return nil
	}
	d.always = new(span)
	return d.always.UnmarshalJSON(text)
}

// make draws from the delay, of which nothing may be above most.
func (d *delay) make(most time.Duration) (Delay, error) {
	for _, s := range []*span{d.always, d.From, d.To, d.Median, d.P95} {
		if s != nil && s.wrong != "" {
			return Delay{}, errors.New(s.wrong)
		}
		if s != nil && (s.time < 0 || s.time > most) {
			return Delay{}, fmt.Errorf("%s is out of range", s.time)
		}
	}
	inRange := func(spans ...*span) bool {
		for i, s := range spans {
			if s == nil || i > 0 && s.time < spans[i-1].time {
				return false
			}
		}
		return true
	}
	show := func(s *span) string { return s.time.String() }
	switch {
	case d.unknown != "":
		return Delay{}, fmt.Errorf("there is no %q", d.unknown)
	case d.always != nil && inRange(d.always):
		return Constant(d.always.time), nil
	case d.From != nil && inRange(d.From, d.To) && d.Median == nil && d.P95 == nil:
		from, to := d.From.time, d.To.time
		return Delay{Text: show(d.From) + " to " + show(d.To), Typical: (from + to) / 2, Dist: sim.Uniform(from, to)}, nil
	case d.Median != nil && inRange(d.Median, d.P95) && d.Median.time > 0 && d.From == nil && d.To == nil:
		median, p95 := d.Median.time, d.P95.time
		return Delay{Text: show(d.Median) + " in the median, 95 % within " + show(d.P95), Typical: median, Dist: sim.Skewed(median, p95)}, nil
	}
	return Delay{}, errors.New("the delay is not complete, or not in order")
}
