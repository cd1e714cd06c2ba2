package workload

import (
	"encoding/csv"
	"math"
	"slices"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// The columns of a CSV file. They may stand in any order; others are not allowed, so
// that a misspelled one is not left out in silence.
var (
	required = []string{"job_id", "arrival_s", "duration_s", "vcpus", "memory_mib", "gpus"}
	optional = []string{"queue", "definition", "share", "priority", "depends_on"}
)

const csvNext = "the header is " + "job_id,arrival_s,duration_s,vcpus,memory_mib,gpus and, where wanted, queue,definition,share,priority,depends_on"

// readCSV reads a CSV file whose header is the present line.
func readCSV(in *input) ([]line, error) {
	names, err := split(in)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, name := range names {
		name = strings.TrimSpace(name)
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return nil, in.wrong(name, csvNext, "there is no such column")
		}
		if _, twice := at[name]; twice {
			return nil, in.wrong(name, "leave one out", "the column is there twice")
		}
		at[name] = i
	}
	for _, name := range required {
		if _, ok := at[name]; !ok {
			return nil, in.wrong(name, csvNext, "the column is missing")
		}
	}
	var lines []line
	for in.next() {
		if err := in.enough(lines); err != nil {
			return nil, err
		}
		cells, err := split(in)
		if err != nil {
			return nil, err
		}
		if len(cells) != len(names) {
			return nil, in.wrong("", "give one value for each column of the header", "%d values for %d columns", len(cells), len(names))
		}
		l, err := in.job(func(column string) string {
			if i, ok := at[column]; ok {
				return strings.TrimSpace(cells[i])
			}
			return ""
		})
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// split takes the present line apart. Most lines have no quotes.
func split(in *input) ([]string, error) {
	if !strings.Contains(in.text, `"`) {
		return strings.Split(in.text, ","), nil
	}
	cells, err := csv.NewReader(strings.NewReader(in.text)).Read()
	if err != nil {
		return nil, in.wrong("", "end each quote on its line, and write a quote inside quotes twice", "the quotes are wrong")
	}
	return cells, nil
}

// job makes the job of a line of a CSV file.
func (in *input) job(cell func(column string) string) (line, error) {
	l := line{number: in.number}
	l.ID = strings.Clone(cell("job_id"))
	if l.ID == "" {
		return l, in.wrong("job_id", "give each job an id of its own", "it is empty")
	}
	arrival, err := in.numberIn("arrival_s", cell("arrival_s"), -maxSeconds, maxSeconds)
	if err != nil {
		return l, err
	}
	duration, err := in.numberIn("duration_s", cell("duration_s"), 0, maxSeconds)
	if err != nil {
		return l, err
	}
	vcpus, err := in.numberIn("vcpus", cell("vcpus"), 0.001, maxVCPUs)
	if err != nil {
		return l, err
	}
	memory, err := in.numberIn("memory_mib", cell("memory_mib"), 0, maxMemoryMiB)
	if err != nil {
		return l, err
	}
	l.Arrival, l.Duration = seconds(arrival), seconds(duration)
	l.Need = batch.Resources{MilliVCPU: int64(math.Ceil(vcpus*1000 - 1e-6)), MemoryMiB: int64(math.Ceil(memory))}
	if text := cell("gpus"); text != "" {
		if l.Need.GPUs, err = in.wholeIn("gpus", text, 0, maxGPUs); err != nil {
			return l, err
		}
	}
	l.Queue = in.shared(cell("queue"))
	if l.Queue != "" && batch.CheckJobName(l.Queue) != nil {
		return l, in.wrong("queue", "use letters, digits, - and _, at most 128", "%q is not the name of a queue", l.Queue)
	}
	l.Definition = in.shared(cell("definition"))
	if l.Definition != "" && batch.CheckJobName(l.Definition) != nil {
		return l, in.wrong("definition", "use letters, digits, - and _, at most 128", "%q is not the name of a job definition", l.Definition)
	}
	l.Share = in.shared(cell("share"))
	if l.Share != "" && batch.CheckShare(l.Share) != nil {
		return l, in.wrong("share", "use letters and digits, at most 255", "%q is not a share identifier", l.Share)
	}
	if text := cell("priority"); text != "" {
		n, err := in.wholeIn("priority", text, 0, maxPriority)
		if err != nil {
			return l, err
		}
		l.Priority = int32(n)
	}
	l.after = strings.FieldsFunc(strings.Clone(cell("depends_on")), func(r rune) bool { return r == ' ' || r == ';' || r == '|' })
	if len(l.after) > maxAfter {
		return l, in.wrong("depends_on", "AWS Batch takes 20; put a job between", "%d jobs are too many", len(l.after))
	}
	return l, nil
}

// maxPriority is the highest schedulingPriority of AWS Batch.
const maxPriority = 9999
