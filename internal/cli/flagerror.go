package cli

import (
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError says which flag is wrong, and what it takes. pflag's own text names the function
// that could not read it.
func flagError(_ *cobra.Command, err error) error {
	var wrong *pflag.InvalidValueError
	if errors.As(err, &wrong) {
		name, value := wrong.GetFlag().Name, quote(wrong.GetValue())
		if errors.Is(err, strconv.ErrRange) {
			return usage("--%s %s is beyond what can be counted", name, value)
		}
		switch wrong.GetFlag().Value.Type() {
		case "int", "int32", "int64":
			return usage("--%s %s is not a whole number", name, value)
		case "uint", "uint32", "uint64":
			return usage("--%s %s is not a whole number of 0 or more", name, value)
		case "float32", "float64":
			return usage("--%s %s is not a number", name, value)
		case "duration":
			return usage("--%s %s is not a time with its unit", name, value).hint("write it like 50ms, 90s, 10m or 1h30m")
		case "bool":
			return usage("--%s %s is neither true nor false", name, value)
		}
	}
	var needs *pflag.ValueRequiredError
	if errors.As(err, &needs) {
		return usage("--%s needs a value", needs.GetFlag().Name)
	}
	return usage("%s", err.Error())
}

// notBelowZero refuses a time that a flag gives if it is less than nothing.
func notBelowZero(flag string, given time.Duration) error {
	if given < 0 {
		return usage("--%s %s is less than no time", flag, given).hint("write it like 90s, 10m or 1h30m")
	}
	return nil
}
