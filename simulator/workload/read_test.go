package workload_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/simulator/workload"
)

const header = "job_id,arrival_s,duration_s,vcpus,memory_mib,gpus\n"

func TestCSV(t *testing.T) {
	text := "\ufeffjob_id,memory_mib,vcpus,gpus,duration_s,arrival_s,queue,definition,share,priority,depends_on\r\n" +
		"b,4096,2,1,60,12.5,night,align,lab,7,a\r\n" +
		"\n" +
		"a,1000,0.25,,0.5,10,,,,,\n" +
		`"c",1,1,0,1,13,,,,,"a b"` + "\n"
	got, err := workload.Read("jobs.csv", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []workload.Job{
		{ID: "a", Duration: 500 * time.Millisecond, Need: batch.Resources{MilliVCPU: 250, MemoryMiB: 1000}, Queue: "default"},
		{ID: "b", Arrival: 2500 * time.Millisecond, Duration: time.Minute, Need: batch.Resources{MilliVCPU: 2000, MemoryMiB: 4096, GPUs: 1},
			Queue: "night", Definition: "align", Share: "lab", Priority: 7, After: []int32{0}},
		{ID: "c", Arrival: 3 * time.Second, Duration: time.Second, Need: batch.Resources{MilliVCPU: 1000, MemoryMiB: 1}, Queue: "default", After: []int32{0, 1}},
	}
	if diff := cmp.Diff(want, got.Jobs); diff != "" {
		t.Errorf("the jobs differ (-want +got):\n%s", diff)
	}
}

func TestStandardWorkloadFormat(t *testing.T) {
	text := `; Version: 2.2
; Computer: a cluster
  1  100 5 3600  4 -1   2048  4 7200 1048576 1 1 1 -1 2 -1 -1 -1
  2  160 0   60  1 -1     -1 -1   -1      -1 1 1 1 -1 2 -1  1 30
  3  170 0   -1  1 -1     -1  1   60      -1 5 1 1 -1 1 -1 -1 -1
`
	got, err := workload.Read("log.swf", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []workload.Job{
		{ID: "1", Duration: time.Hour, Need: batch.Resources{MilliVCPU: 4000, MemoryMiB: 4096}, Queue: "queue-2"},
		{ID: "2", Arrival: time.Minute, Duration: time.Minute, Need: batch.Resources{MilliVCPU: 1000, MemoryMiB: 2048}, Queue: "queue-2", After: []int32{0}},
	}
	if diff := cmp.Diff(want, got.Jobs); diff != "" {
		t.Errorf("the jobs differ (-want +got):\n%s", diff)
	}
	if len(got.Notes) != 3 {
		t.Errorf("Notes = %q, want one each on the job that never ran, the memory and the think time", got.Notes)
	}
}

func TestNextflowTrace(t *testing.T) {
	tests := map[string]string{
		"for people": "task_id\thash\tname\tstatus\tsubmit\tduration\trealtime\tcpus\tmemory\n" +
			"1\tab/1\tALIGN (s1)\tCOMPLETED\t2026-01-02 03:04:05.250\t2m\t1m 30s\t4\t6 GB\n" +
			"2\tab/2\tQC\tCACHED\t2026-01-02 03:04:06.000\t1s\t1s\t1\t1 GB\n" +
			"3\tab/3\tCALL\tFAILED\t2026-01-02 03:04:06.250\t1s\t250ms\t1\t512 MB\n",
		"raw": "task_id\tstatus\tsubmit\trealtime\tcpus\tmemory\n" +
			"1\tCOMPLETED\t1767323045250\t90000\t4\t6442450944\n" +
			"3\tFAILED\t1767323046250\t250\t1\t536870912\n",
	}
	want := []workload.Job{
		{ID: "1", Duration: 90 * time.Second, Need: batch.Resources{MilliVCPU: 4000, MemoryMiB: 6144}, Queue: "default"},
		{ID: "3", Arrival: time.Second, Duration: 250 * time.Millisecond, Need: batch.Resources{MilliVCPU: 1000, MemoryMiB: 512}, Queue: "default"},
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := workload.Read("trace.txt", strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if name == "for people" && (got.Jobs[0].Definition != "ALIGN" || got.Jobs[1].Definition != "CALL") {
				t.Errorf("the definitions are %q and %q, want the processes", got.Jobs[0].Definition, got.Jobs[1].Definition)
			}
			for i := range got.Jobs {
				got.Jobs[i].Definition = ""
			}
			if diff := cmp.Diff(want, got.Jobs); diff != "" {
				t.Errorf("the jobs differ (-want +got):\n%s", diff)
			}
		})
	}
}

// The default trace does not say what tasks asked for; what they used stands in.
func TestNextflowTraceOfTheDefaultFields(t *testing.T) {
	text := "task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tduration\trealtime\t%cpu\tpeak_rss\tpeak_vmem\trchar\twchar\n" +
		"1\tab/1\t12\tALIGN\tCOMPLETED\t0\t2026-01-02 03:04:05.000\t2m\t1m\t325.4%\t1.5 GB\t2 GB\t-\t-\n" +
		"2\tab/1\t13\tLATE\tABORTED\t-\t2026-01-02 03:04:05.000\t-\t-\t-\t-\t-\t-\t-\n"
	got, err := workload.Read("trace.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := (batch.Resources{MilliVCPU: 4000, MemoryMiB: 1536}); len(got.Jobs) != 1 || got.Jobs[0].Need != want || len(got.Notes) != 3 {
		t.Errorf("Jobs = %+v, Notes = %q; want one of %s and 3 notes", got.Jobs, got.Notes, want)
	}
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	tests := map[string]struct{ file, text, want string }{
		"an empty file":      {"a.csv", "", "a.csv: it is empty; "},
		"only a header":      {"a.csv", header, "a.csv: there is no job in it; "},
		"a missing column":   {"a.csv", "job_id,arrival_s,duration_s,vcpus,gpus\n", "a.csv, line 1, column memory_mib: the column is missing; "},
		"an unknown column":  {"a.csv", strings.Replace(header, "gpus", "gpu", 1), "a.csv, line 1, column gpu: there is no such column; "},
		"a column twice":     {"a.csv", strings.Replace(header, "gpus", "vcpus", 1), "a.csv, line 1, column vcpus: the column is there twice; "},
		"too few values":     {"a.csv", header + "a,1,2,3\n", "a.csv, line 2: 4 values for 6 columns; "},
		"no number":          {"a.csv", header + "a,0,1,1,1,0\nb,soon,1,1,1,0\n", `a.csv, line 3, column arrival_s: "soon" is not a number; `},
		"not a number":       {"a.csv", header + "a,0,NaN,1,1,0\n", `a.csv, line 2, column duration_s: "NaN" is not a number; `},
		"negative":           {"a.csv", header + "a,0,-1,1,1,0\n", "a.csv, line 2, column duration_s: -1 is too small; "},
		"enormous":           {"a.csv", header + "a,0,1,1e300,1,0\n", "a.csv, line 2, column vcpus: 1e300 is too large; "},
		"no vCPU":            {"a.csv", header + "a,0,1,0,1,0\n", "a.csv, line 2, column vcpus: 0 is too small; "},
		"half a GPU":         {"a.csv", header + "a,0,1,1,1,0.5\n", "a.csv, line 2, column gpus: 0.5 has a fraction; "},
		"an id twice":        {"a.csv", header + "a,0,1,1,1,0\na,1,1,1,1,0\n", `a.csv, line 3, column job_id: "a" is the id of line 2 as well; `},
		"no id":              {"a.csv", header + ",0,1,1,1,0\n", "a.csv, line 2, column job_id: it is empty; "},
		"an open quote":      {"a.csv", header + `"a,0,1,1,1,0` + "\n", "a.csv, line 2: the quotes are wrong"},
		"waits for none":     {"a.csv", strings.TrimSpace(header) + ",depends_on\na,0,1,1,1,0,b\n", `a.csv, line 2, column depends_on: there is no job "b"; `},
		"waits for itself":   {"a.csv", strings.TrimSpace(header) + ",depends_on\na,0,1,1,1,0,a\n", `a.csv, line 2, column depends_on: job "a" is submitted later, or is the same job; `},
		"a bad queue":        {"a.csv", strings.TrimSpace(header) + ",queue\na,0,1,1,1,0,my queue\n", `a.csv, line 2, column queue: "my queue" is not the name of a queue; `},
		"swf: short line":    {"a.swf", "; c\n1 2 3\n", "a.swf, line 2: 3 fields instead of 18; "},
		"swf: no number":     {"a.swf", "1 0 0 x 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 -1 -1\n", `a.swf, line 1, column 4 (run time): "x" is not a number; `},
		"trace: no realtime": {"t.txt", "task_id\tsubmit\tcpus\tmemory\n", "t.txt, line 1, column realtime: the column is missing; "},
		"trace: memory":      {"t.txt", "task_id\tsubmit\trealtime\tcpus\tmemory\n1\t5\t10s\t1\tlots\n", `t.txt, line 2, column memory: "lots" is not an amount of memory; `},
		"a compressed file":  {"a.csv", "\x1f\x8b\x08\x00\"", "a.csv: it is compressed (gzip); "},
		"a workbook":         {"a.xlsx", "PK\x03\x04\t", "a.xlsx: it is compressed (zip), or a workbook; "},
		"no text":            {"a.csv", "a\x00b", "a.csv: it is not text; "},
		"UTF-16":             {"a.csv", "\xff\xfej\x00", "a.csv: its text is UTF-16; "},
		"a column to escape": {"a.csv", "job_id,\x1b[31m\n", `a.csv, line 1, column "\x1b[31m": there is no such column; `},
		"a long line":        {"a.csv", header + strings.Repeat("a", 1<<20+1), "a.csv, line 2: the line is too long; "},
		"tabs":               {"a.csv", strings.ReplaceAll(header, ",", "\t"), "a.csv, line 1: the columns of this CSV file are separated by tabs; "},
		"swf: half a vCPU":   {"a.swf", "1 0 0 5 0.5 -1 -1 -1 -1 -1 1 1 1 -1 1 -1 -1 -1\n", "a.swf, line 1, column 5 (allocated processors): 0.5 has a fraction; "},
		"swf: half a queue":  {"a.swf", "1 0 0 5 1 -1 -1 1 -1 -1 1 1 1 -1 1.5 -1 -1 -1\n", "a.swf, line 1, column 15 (queue): 1.5 has a fraction; "},
		"trace: no id":       {"t.txt", "task_id\tsubmit\trealtime\tcpus\tmemory\n-\t5\t10s\t1\t1 GB\n", "t.txt, line 2, column task_id: it is empty; "},
		"trace: NaN":         {"t.txt", "task_id\tsubmit\trealtime\tcpus\tmemory\n1\t5\tNaN\t1\t1 GB\n", "t.txt, line 2, column realtime: NaN is out of range; "},
		"trace: twice":       {"t.txt", "task_id\tsubmit\trealtime\tcpus\tmemory\tcpus\n", "t.txt, line 1, column cpus: the column is there twice; "},
		"trace: duration":    {"t.txt", "task_id\tsubmit\trealtime\tcpus\tmemory\n1\t5\t10 s\t1\t1 GB\n", `t.txt, line 2, column realtime: "10 s" is not a duration; `},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := workload.Read(test.file, strings.NewReader(test.text))
			var wrong *workload.Error
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), test.want) || wrong.Next == "" {
				t.Errorf("Read(%q) = %v, want an error that begins with %q and says what to do", test.text, err, test.want)
			}
		})
	}
}

func TestFailedTasksCountAndAreTold(t *testing.T) {
	text := "task_id\tstatus\tsubmit\trealtime\tcpus\tmemory\n" +
		"1\tFAILED\t5\t10s\t-\t512 MB\n2\tCOMPLETED\t5\t1m 30s\t2\t1 GB\n"
	got, err := workload.Read("trace.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(got.Notes, "; "); len(got.Jobs) != 2 || !strings.Contains(notes, "1 tasks FAILED") || !strings.Contains(notes, "1 tasks say neither") {
		t.Errorf("Jobs = %+v, Notes = %q; want two, and notes of the failure and of the vCPU that was taken", got.Jobs, got.Notes)
	}
}

func TestALogOutOfOrderIsRead(t *testing.T) {
	text := "1 100 0 5 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 -1 -1\n2 50 0 5 1 -1 -1 1 -1 -1 1 1 1 -1 1 -1 1 -1\n"
	got, err := workload.Read("a.swf", strings.NewReader(text))
	if err != nil || len(got.Jobs) != 2 || len(got.Jobs[0].After) != 0 {
		t.Errorf("Read() = %+v (%v), want two jobs; none can wait for one that comes later", got, err)
	}
}

func TestAFolderIsNoWorkload(t *testing.T) {
	var wrong *workload.Error
	if _, err := workload.Open(t.TempDir()); !errors.As(err, &wrong) || wrong.Problem != "it is a folder" {
		t.Errorf("Open() of a folder = %v, want an error that says so", err)
	}
}

func TestTheSampleIsRead(t *testing.T) {
	w, err := workload.Open("../../docs/samples/variants.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("../../docs/samples/spot.yaml"); err != nil || len(w.Jobs) < 500 {
		t.Errorf("the sample has %d jobs, want 500 and a policy beside it (%v)", len(w.Jobs), err)
	}
}
