package batch

import (
	"strconv"
	"time"
)

// Millis is a moment in Unix milliseconds, the resolution of the AWS Batch wire;
// 0 means "not yet".
type Millis int64

// MillisOf returns t in Unix milliseconds.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time returns m as a time.Time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Add returns m moved by d.
func (m Millis) Add(d time.Duration) Millis { return m + Millis(d.Milliseconds()) }

// Resources is what a job needs, or what a host has.
type Resources struct {
	MilliVCPU int64 `json:"c"`           // thousandths of a vCPU
	MemoryMiB int64 `json:"m"`           // MiB
	GPUs      int64 `json:"g,omitempty"` // whole devices
}

// Add returns r + o.
func (r Resources) Add(o Resources) Resources {
	return Resources{r.MilliVCPU + o.MilliVCPU, r.MemoryMiB + o.MemoryMiB, r.GPUs + o.GPUs}
}

// Sub returns r - o.
func (r Resources) Sub(o Resources) Resources {
	return Resources{r.MilliVCPU - o.MilliVCPU, r.MemoryMiB - o.MemoryMiB, r.GPUs - o.GPUs}
}

// Fits reports whether r fits into room in every dimension.
func (r Resources) Fits(room Resources) bool {
	return r.MilliVCPU <= room.MilliVCPU && r.MemoryMiB <= room.MemoryMiB && r.GPUs <= room.GPUs
}

// VCPUs returns the vCPUs as AWS writes them: "2", "0.25".
func (r Resources) VCPUs() string { return FormatVCPU(r.MilliVCPU) }

// String reads "2 vCPU, 2048 MiB" or "4 vCPU, 16384 MiB, 1 GPU".
func (r Resources) String() string {
	text := r.VCPUs() + " vCPU, " + strconv.FormatInt(r.MemoryMiB, 10) + " MiB"
	if r.GPUs > 0 {
		text += ", " + strconv.FormatInt(r.GPUs, 10) + " GPU"
	}
	return text
}

// FormatVCPU writes thousandths of a vCPU as a decimal number of vCPUs.
func FormatVCPU(milli int64) string {
	if milli%1000 == 0 {
		return strconv.FormatInt(milli/1000, 10)
	}
	return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64)
}
