package provisioner

import (
	"fmt"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// Meant is equal jobs that a host was launched for.
type Meant struct {
	Need  batch.Resources
	Count int
}

// maxMeant bounds the kinds of jobs in a host's record. One that is for more of them is
// taken for one with room for anybody.
const maxMeant = 40

// WriteMeant writes what a host is meant for as its record keeps it: "2x4000/8192/0" is
// two jobs of 4 vCPUs and 8 GiB.
func WriteMeant(list []Meant) string {
	if len(list) > maxMeant {
		return ""
	}
	parts := make([]string, 0, len(list))
	for _, m := range list {
		parts = append(parts, fmt.Sprintf("%dx%d/%d/%d", m.Count, m.Need.MilliVCPU, m.Need.MemoryMiB, m.Need.GPUs))
	}
	return strings.Join(parts, " ")
}

// ReadMeant reads what WriteMeant wrote. What it cannot read it leaves out: a host that is
// meant for nobody is taken for one with room for anybody.
func ReadMeant(text string) []Meant {
	var list []Meant
	for part := range strings.FieldsSeq(text) {
		var m Meant
		_, err := fmt.Sscanf(part, "%dx%d/%d/%d", &m.Count, &m.Need.MilliVCPU, &m.Need.MemoryMiB, &m.Need.GPUs)
		if err == nil && m.Count > 0 {
			list = append(list, m)
		}
	}
	return list
}
