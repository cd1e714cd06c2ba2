package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

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

// keys are all keys of a policy file, for the errors.
const keys = "name, strategy, market, types, usable_memory, max_vcpus, idle, wait_usd_per_hour, boot, start, billing, spot, api, pass_every, seed"

// Open reads a policy file. Files that it names are looked for beside it.
func Open(path string) (Policy, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Policy{}, err
	}
	return Read(path, text)
}

// Read reads a policy; path is that of its file.
func Read(path string, text []byte) (Policy, error) {
	name := filepath.Base(path)
	wrong := func(key, next, format string, args ...any) error {
		return &Error{File: name, Key: key, Problem: fmt.Sprintf(format, args...), Next: next}
	}
	var f file
	if err := yaml.UnmarshalStrict(text, &f); err != nil {
		problem := strings.TrimPrefix(err.Error(), "error unmarshaling JSON: while decoding JSON: ")
		problem = strings.TrimPrefix(problem, "error converting YAML to JSON: ")
		return Policy{}, wrong("", "the keys are "+keys, "%s", problem)
	}
	p := Default()
	p.Name = f.Name
	if f.Strategy != "" {
		strategy, ok := Strategy(f.Strategy)
		if !ok {
			return p, wrong("strategy", "use one of "+strings.Join(Strategies, ", "), "there is no %q", f.Strategy)
		}
		p.Strategy = strategy
	}
	if f.Market != "" {
		p.Market = Market(f.Market)
		if !slices.Contains([]Market{OnDemand, Spot, Fargate}, p.Market) {
			return p, wrong("market", "use on-demand, spot or fargate", "there is no %q", f.Market)
		}
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
		{"max_vcpus", f.MaxVCPUs, 1, math.MaxInt32, func(v float64) { p.MaxVCPUs = int(v) }},
		{"spot.price_factor", f.Spot.PriceFactor, 0, 10, func(v float64) { p.Spot.PriceFactor = v }},
		{"spot.interruptions_per_hour", f.Spot.InterruptionsPerHour, 0, 1000, func(v float64) { p.Spot.InterruptionsPerHour = v }},
		{"api.launches_per_second", f.API.LaunchesPerSecond, 0, 1e6, func(v float64) { p.API.LaunchesPerSecond = v }},
		{"api.run_task_per_second", f.API.RunTaskPerSecond, 0, 1e6, func(v float64) { p.API.RunTaskPerSecond = v }},
	} {
		if n.value == nil {
			continue
		}
		if !(*n.value >= n.low && *n.value <= n.high) {
			return p, wrong(n.key, fmt.Sprintf("give a number from %g to %g", n.low, n.high), "%g is out of range", *n.value)
		}
		n.set(*n.value)
	}
	idle, err := readIdle(f.Idle)
	if err != nil {
		return p, wrong("idle", "write learned, or a duration such as 60s", "%v", err)
	}
	for _, d := range []struct {
		key   string
		value *span
		least time.Duration
		set   func(time.Duration)
	}{
		{"idle", idle, 0, func(d time.Duration) { p.Idle = d }},
		{"billing.minimum", f.Billing.Minimum, 0, func(d time.Duration) { p.Minimum = d }},
		{"spot.notice", f.Spot.Notice, 0, func(d time.Duration) { p.Spot.Notice = d }},
		{"pass_every", f.PassEvery, time.Millisecond, func(d time.Duration) { p.PassEvery = d }},
	} {
		if d.value == nil {
			continue
		}
		value := time.Duration(*d.value)
		if value < d.least || value > maxDelay {
			return p, wrong(d.key, fmt.Sprintf("give a duration from %s to %s", d.least, maxDelay), "%s is out of range", value)
		}
		d.set(value)
	}
	for key, at := range map[string]struct {
		from *delay
		to   *Delay
	}{"boot": {f.Boot, &p.Boot}, "start": {f.Start, &p.Start}} {
		if at.from == nil {
			continue
		}
		made, err := at.from.make()
		if err != nil {
			return p, wrong(key, `write 60s, {from: 30s, to: 90s} or {median: 60s, p95: 90s}, of at most 24h`, "%v", err)
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
	return s, s.UnmarshalJSON(text)
}

// maxDelay bounds each duration of a policy.
const maxDelay = 24 * time.Hour

// Strategy returns the strategy of a name or a short one ("ffd").
func Strategy(name string) (string, bool) {
	if full, ok := aliases[name]; ok {
		return full, true
	}
	return name, slices.Contains(Strategies, name)
}

// span is a duration: "90s", or a number of seconds.
type span time.Duration

func (s *span) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) == nil {
		d, err := time.ParseDuration(word)
		*s = span(d)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 90s", word)
		}
		return nil
	}
	var n float64
	if err := json.Unmarshal(text, &n); err != nil || math.Abs(n) > maxDelay.Seconds() {
		return fmt.Errorf("%s is not a duration such as 90s", text)
	}
	*s = span(n * float64(time.Second))
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
		for key, value := range parts {
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
				d.unknown = key
			}
		}
		return nil
	}
	d.always = new(span)
	return d.always.UnmarshalJSON(text)
}

func (d *delay) make() (Delay, error) {
	inRange := func(spans ...*span) bool {
		for i, s := range spans {
			if s == nil || *s < 0 || time.Duration(*s) > maxDelay || i > 0 && *s < *spans[i-1] {
				return false
			}
		}
		return true
	}
	show := func(s *span) string { return time.Duration(*s).String() }
	switch {
	case d.unknown != "":
		return Delay{}, fmt.Errorf("there is no %q", d.unknown)
	case d.always != nil && inRange(d.always):
		return Constant(time.Duration(*d.always)), nil
	case d.From != nil && inRange(d.From, d.To) && d.Median == nil && d.P95 == nil:
		from, to := time.Duration(*d.From), time.Duration(*d.To)
		return Delay{Text: show(d.From) + " to " + show(d.To), Typical: (from + to) / 2, Dist: sim.Uniform(from, to)}, nil
	case d.Median != nil && inRange(d.Median, d.P95) && *d.Median > 0 && d.From == nil && d.To == nil:
		median, p95 := time.Duration(*d.Median), time.Duration(*d.P95)
		return Delay{Text: show(d.Median) + " in the median, 95 % within " + show(d.P95), Typical: median, Dist: sim.Skewed(median, p95)}, nil
	}
	return Delay{}, errors.New("the delay is not complete, or not in order")
}
