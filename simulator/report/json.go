package report

import (
	"encoding/json"
	"io"

	"github.com/packhorse-batch/packhorse/simulator"
)

// JSON writes results: one as an object, several as a list.
func JSON(w io.Writer, results []*simulator.Result) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if len(results) == 1 {
		return out.Encode(results[0])
	}
	return out.Encode(results)
}
