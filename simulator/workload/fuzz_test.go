package workload_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/simulator/workload"
)

// Whatever bytes come, they are read or refused, with the file and the next step.

func FuzzCSV(f *testing.F) {
	const all = "job_id,arrival_s,duration_s,vcpus,memory_mib,gpus,queue,definition,share,priority,depends_on\n"
	f.Add(header + "a,0,1,1,1,0\n")
	f.Add("\ufeff" + strings.ReplaceAll(header, "\n", "\r\n") + "a,-5,1e3,0.25,1.5,\r\n\r\n")
	f.Add(all + "a,0,1,1,1,0,q,d,s,5,\nb,1,1,1,1,1,q,d,s,,\"a;a\"\n")
	f.Add(all + "a,NaN,Inf,1e300,-1,0.5,q q,,t*,10000,a\n")
	f.Add("\x1f\x8b")
	f.Fuzz(func(t *testing.T, text string) { readOrRefuse(t, "a.csv", text) })
}

func FuzzSWF(f *testing.F) {
	f.Add("; head\n1 0 0 1 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 -1 -1\n")
	f.Add("1 100 0 5 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 -1 -1\n2 50 0 5 4 -1 99 -1 -1 1e6 1 1 1 -1 7 -1 1 -1\n")
	f.Add("1 0 0 1 0.5 -1 NaN 1e15 -1 -1 1 1 1 -1 1.5 -1 -1 -1\n")
	f.Fuzz(func(t *testing.T, text string) { readOrRefuse(t, "a.swf", text) })
}

func FuzzNextflow(f *testing.F) {
	f.Add("task_id\tsubmit\trealtime\tcpus\tmemory\n1\t5\t10s\t1\t1 GB\n")
	f.Add("task_id\tname\tstatus\tsubmit\tduration\trealtime\t%cpu\tpeak_rss\n" +
		"1\tA:B (x)\tFAILED\t2026-01-02 03:04:05.678\t2m\t1m 30s\t243.6%\t1.2 GB\n2\tC\tCACHED\t-\t-\t-\t-\t-\n")
	f.Add("task_id\tsubmit\trealtime\tcpus\tmemory\n1\t1767323045678\tNaN\t0\t-6 GB\n")
	f.Fuzz(func(t *testing.T, text string) { readOrRefuse(t, "trace.txt", text) })
}

// readOrRefuse holds a reader to what the simulator counts on.
func readOrRefuse(t *testing.T, name, text string) {
	w, err := workload.Read(name, strings.NewReader(text))
	if err != nil {
		var wrong *workload.Error
		if !errors.As(err, &wrong) || wrong.File != name || wrong.Problem == "" || wrong.Next == "" {
			t.Fatalf("Read(%q) = %v, want an error with the file and the next step", text, err)
		}
		return
	}
	for i, j := range w.Jobs {
		if j.ID == "" || j.Queue == "" || j.Need.MilliVCPU <= 0 || j.Need.MemoryMiB < 0 || j.Need.GPUs < 0 || j.Duration < 0 || j.Arrival < 0 || j.Arrival > w.Span() {
			t.Fatalf("Read(%q) has job %+v", text, j)
		}
		for _, before := range j.After {
			if before < 0 || before >= int32(i) {
				t.Fatalf("Read(%q): job %d waits for %d", text, i, before)
			}
		}
	}
}
