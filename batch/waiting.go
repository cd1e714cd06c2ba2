package batch

import (
	"fmt"
	"math"
	"strconv"
)

// TagWaitUSDPerHour is the tag of a compute environment that says what an hour of a job's
// waiting counts, in dollars above 0. Jobs wait for room that others leave where that costs
// less than to boot a host for them: a small number saves boots, a large one hosts are
// launched at once with. AWS Batch has nothing of the kind.
const TagWaitUSDPerHour = "packhorse:wait-usd-per-hour"

// CheckWaitTag returns what is wrong with TagWaitUSDPerHour among the tags of an
// environment; hosts says that the environment launches hosts.
func CheckWaitTag(tags map[string]string, hosts bool) error {
	value, ok := tags[TagWaitUSDPerHour]
	switch {
	case !ok:
		return nil
	case !hosts:
		return onlyForHosts(TagWaitUSDPerHour)
	case readUSD(value) > 0:
		return nil
	}
	return &Error{Code: CodeInvalid,
		Message: fmt.Sprintf("The value %q of the tag %s is not valid. It must be a number of dollars above 0, for example 0.05.", value, TagWaitUSDPerHour),
		Next:    "set it to such a number, with 1000 for jobs that are not to wait, or leave the tag out"}
}

// WaitUSDPerHourOf reads the tag. Where there is none, or one from before it was checked that
// is no such number, it is usual.
func WaitUSDPerHourOf(tags map[string]string, usual float64) float64 {
	if usd := readUSD(tags[TagWaitUSDPerHour]); usd > 0 {
		return usd
	}
	return usual
}

// readUSD reads dollars above 0; what is none is 0.
func readUSD(text string) float64 {
	usd, err := strconv.ParseFloat(text, 64)
	if err != nil || !(usd > 0) || math.IsInf(usd, 0) {
		return 0
	}
	return usd
}
