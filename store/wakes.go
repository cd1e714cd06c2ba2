package store

import "strings"

// quiet are the partitions, or their beginnings, of records whose change gives a pass
// nothing to do: what passes write for themselves and for those who look, above all.
// A pass that woke itself would never end.
var quiet = []string{"lease", "note", "once", "why", "prices", "trigger", triggerCounts, deadLetters, sharePrefix, "gone#", "short#", definitionPrefix, "policy", "queue.former"}

// Wakes reports whether the change of a record gives a pass something to do, by the
// partition of its key.
func Wakes(partition string) bool {
	for _, q := range quiet {
		if partition == q || strings.HasSuffix(q, "#") && strings.HasPrefix(partition, q) {
			return false
		}
	}
	return true
}
