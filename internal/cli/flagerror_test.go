package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestANumberThatAFlagDoesNotTakeIsNamedWithWhatItTakes(t *testing.T) {
	const times = "\nnext: write it like "
	tests := map[string]struct {
		args []string
		want string
	}{
		"a word for a whole number":    {[]string{"jobs", "--limit", "many"}, `--limit "many" is not a whole number` + "\n"},
		"a part of one":                {[]string{"plan", "--max-hosts", "1.5"}, `--max-hosts "1.5" is not a whole number` + "\n"},
		"a word for a number":          {[]string{"plan", "--max-vcpus", "all"}, `--max-vcpus "all" is not a number` + "\n"},
		"more than a number can be":    {[]string{"types", "--min-gpus", "99999999999999999999"}, `--min-gpus "99999999999999999999" is beyond what can be counted`},
		"below zero, where 0 is least": {[]string{"draw", "--seed", "-1"}, `--seed "-1" is not a whole number of 0 or more` + "\nnext: see `packhorse draw --help`"},
		"a time without unit":          {[]string{"wait", "x", "--timeout", "60"}, `--timeout "60" is not a time with its unit` + times},
		"neither true nor false":       {[]string{"jobs", "--watch=maybe"}, `--watch "maybe" is neither true nor false`},
		"no value":                     {[]string{"jobs", "--limit"}, "--limit needs a value"},
		"jobs below zero":              {[]string{"jobs", "--limit", "-1"}, "--limit -1 is less than 0\nnext: 0 shows all"},
		"a wait below zero":            {[]string{"wait", "x", "--timeout", "-1s"}, "--timeout -1s is less than no time" + times},
		"a wait of apply below zero":   {[]string{"apply", "-f", "x", "--timeout", "-1s"}, "--timeout -1s is less than no time" + times},
		"a boot below zero":            {[]string{"plan", "--jobs", "x", "--boot", "-1s"}, "--boot -1s is less than no time" + times},
		"vCPUs of a type below zero":   {[]string{"types", "--max-vcpus", "-3"}, "--max-vcpus -3 is less than 0\nnext: leave it out"},
		"memory of a type below zero":  {[]string{"types", "--min-memory", "-1"}, "--min-memory -1 is less than 0"},
		"a price that is none":         {[]string{"types", "--max-price", "NaN"}, "--max-price NaN is not a price of 0 or more"},
		"a price below zero":           {[]string{"types", "--max-price", "-1"}, "--max-price -1 is not a price of 0 or more"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			draw := &cobra.Command{Use: "draw", Run: func(*cobra.Command, []string) {}}
			draw.Flags().Uint64("seed", 1, "")
			w.out.Reset()
			code := w.app().Run(t.Context(), test.args, draw)
			if got := w.err.String(); code != ExitUsage || !strings.Contains(got, test.want) {
				t.Errorf("%v ends with %d and says %q, want %d and %q", test.args, code, got, ExitUsage, test.want)
			}
		})
	}
}

func TestLinesOfJobsAreKeptForDaysThatCloudWatchKnows(t *testing.T) {
	for days, taken := range map[int32]bool{0: true, 1: true, 30: true, 3653: true, -1: false, 2: false, 31: false} {
		_, err := deployFlags{jobLogDays: days, functions: "nowhere"}.options()
		if refused := strings.Contains(err.Error(), "--job-log-days"); refused == taken {
			t.Errorf("--job-log-days %d: %v, want that it is taken: %v", days, err, taken)
		}
	}
}
