package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/simulator"
	"github.com/packhorse-batch/packhorse/simulator/policy"
	"github.com/packhorse-batch/packhorse/simulator/report"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// sample simulates the sample workload under two policies.
func sample(t *testing.T) []*simulator.Result {
	t.Helper()
	w, err := workload.Open("../../docs/samples/variants.csv")
	if err != nil {
		t.Fatal(err)
	}
	w.Name = "variants <&> friends.csv"
	var results []*simulator.Result
	for _, file := range []string{"on-demand", "spot"} {
		p, err := policy.Open("../../docs/samples/" + file + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		r, err := simulator.Run(t.Context(), simulator.Config{Workload: w, Policy: p})
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	return results
}

func TestReports(t *testing.T) {
	first, second := sample(t), sample(t)
	for name, write := range map[string]func(io.Writer, []*simulator.Result) error{
		"JSON": report.JSON, "HTML": report.HTML,
		"terminal": func(w io.Writer, r []*simulator.Result) error { return report.Terminal(w, r, false) },
	} {
		t.Run(name, func(t *testing.T) {
			var a, b bytes.Buffer
			if err := errors.Join(write(&a, first), write(&b, second)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Error("the same simulations give other bytes")
			}
		})
	}
}

func TestJSONIsReadAgain(t *testing.T) {
	results := sample(t)
	var out bytes.Buffer
	if err := report.JSON(&out, results); err != nil {
		t.Fatal(err)
	}
	var again []*simulator.Result
	if err := json.Unmarshal(out.Bytes(), &again); err != nil || len(again) != 2 || again[1].CostUSD != results[1].CostUSD {
		t.Errorf("Unmarshal() = %v with %d results, want the two that were written", err, len(again))
	}
	out.Reset()
	if err := report.JSON(&out, results[:1]); err != nil || !strings.HasPrefix(out.String(), "{") {
		t.Errorf("one result is written as %.20q, want an object (%v)", out.String(), err)
	}
}

// The page needs nothing but itself, and takes its colours from its own style, so that it
// reads in dark and in light.
func TestThePageStandsAlone(t *testing.T) {
	var out bytes.Buffer
	if err := report.HTML(&out, sample(t)); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, found := range regexp.MustCompile(`(?:https?:)?//[a-z][^"' )<]*|<script|<link|@import|url\(`).FindAllString(page, -1) {
		if found != "http://www.w3.org/2000/svg" { // a name, not a place
			t.Errorf("the page refers to %q", found)
		}
	}
	plots := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
	if want := 2 + 2*3; len(plots) != want {
		t.Errorf("%d plots, want %d", len(plots), want)
	}
	for _, plot := range plots {
		if strings.Contains(plot, "254,253") {
			t.Error("a plot has a colour that no theme has")
		}
		if err := xml.NewDecoder(strings.NewReader(plot)).Decode(new(struct{})); err != nil {
			t.Errorf("a plot is not XML: %v", err)
		}
	}
	for _, want := range []string{"prefers-color-scheme: dark", "variants &lt;&amp;&gt; friends.csv", "on-demand", "spot"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestTheSummaryShowsWhatCounts(t *testing.T) {
	var out bytes.Buffer
	if err := report.Terminal(&out, sample(t), false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cost / lower bound", "wait: median", "vCPUs used", "hosts launched", "interruptions", "nightly", "one host per job"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, out.String())
		}
	}
}
