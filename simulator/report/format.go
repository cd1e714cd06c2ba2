package report

import (
	"fmt"
	"math"
	"time"

	"github.com/dustin/go-humanize"
)

// usd writes an amount of money.
func usd(v float64) string {
	if math.Abs(v) < 0.995 && v != 0 {
		return fmt.Sprintf("$%.4f", v)
	}
	return "$" + humanize.CommafWithDigits(math.Round(v*100)/100, 2)
}

// percent writes a part of one.
func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

// times writes a ratio; 0 is none.
func times(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", v)
}

// span writes seconds as people say them: 45s, 3m20s, 5h12m, 3d4h.
func span(seconds float64) string {
	d := time.Duration(math.Round(seconds)) * time.Second
	switch {
	case d < time.Minute:
		return d.String()
	case d < time.Hour:
		return d.String()
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

func count(n int) string { return humanize.Comma(int64(n)) }
