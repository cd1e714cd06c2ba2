package batch

import (
	"math"
	"strconv"
)

// TagWaitUSDPerHour is the tag of a compute environment that says what an hour of a job's
// waiting counts, in dollars above 0. Jobs wait for room that others leave where that costs
// less than to boot a host for them: a small number saves boots, a large one hosts are
// launched at once with. AWS Batch has nothing of the kind.
const TagWaitUSDPerHour = "packhorse:wait-usd-per-hour"

// WaitUSDPerHourOf reads the tag. Where there is none, or no such number, it is usual.
func WaitUSDPerHourOf(tags map[string]string, usual float64) float64 {
	if usd, err := strconv.ParseFloat(tags[TagWaitUSDPerHour], 64); err == nil && usd > 0 && !math.IsInf(usd, 0) {
		return usd
	}
	return usual
}
