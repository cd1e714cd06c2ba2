package cli

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// planned is the printed plan, read by somebody who knows the printed form only.
type planned struct {
	USD     *float64 `json:"usd_per_hour"`
	Bound   *float64 `json:"lower_bound_usd_per_hour"`
	Seconds *float64 `json:"seconds"`
	Hosts   []struct {
		Type  string
		Count int
		Jobs  []struct {
			VCPUs     float64 `json:"vcpus"`
			MemoryMiB int     `json:"memory_mib"`
			GPUs      int     `json:"gpus"`
			Count     int     `json:"count"`
		}
	}
	Unplaced []struct {
		VCPUs     float64 `json:"vcpus"`
		MemoryMiB int     `json:"memory_mib"`
		GPUs      int     `json:"gpus"`
		Count     int     `json:"count"`
		Reason    string  `json:"reason"`
	}
}

// shape is what a job needs, as text.
func shape(vcpus float64, memoryMiB, gpus int) string {
	return fmt.Sprintf("%g vCPU, %d MiB, %d GPU", vcpus, memoryMiB, gpus)
}

// checkPrinted reads the two CSV files and the printed plan, and adds everything up. It
// shares no code with what made the plan.
func checkPrinted(t *testing.T, output []byte, jobs, types string) planned {
	t.Helper()
	var p planned
	if err := json.Unmarshal(output, &p); err != nil {
		t.Fatalf("the plan is not JSON: %v\n%.500s", err, output)
	}
	if p.USD == nil || p.Bound == nil || p.Seconds == nil || p.Hosts == nil {
		t.Fatalf("members are missing: %.500s", output)
	}
	rows := func(text string) (out []map[string]string) {
		lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines[1:] {
			row := map[string]string{}
			for i, c := range line {
				row[lines[0][i]] = c
			}
			out = append(out, row)
		}
		return out
	}
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(cmp.Or(s, "0"), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	want, got := map[string]int{}, map[string]int{}
	for _, r := range rows(jobs) {
		want[shape(number(r["vcpus"]), int(number(r["memory_mib"])), int(number(r["gpus"])))] += int(number(cmp.Or(r["count"], "1")))
	}
	offered := map[string]map[string]string{}
	for _, r := range rows(types) {
		offered[r["instance_type"]] = r
	}
	usd := 0.0
	for _, h := range p.Hosts {
		has := offered[h.Type]
		var vcpus float64
		var memory, gpus int
		for _, j := range h.Jobs {
			vcpus += j.VCPUs * float64(j.Count)
			memory += j.MemoryMiB * j.Count
			gpus += j.GPUs * j.Count
			got[shape(j.VCPUs, j.MemoryMiB, j.GPUs)] += j.Count * h.Count
		}
		if vcpus > number(has["vcpus"])+1e-9 || memory > int(number(has["memory_mib"])) || gpus > int(number(has["gpus"])) || h.Count < 1 {
			t.Errorf("%d of %s (%v) with %g vCPUs, %d MiB, %d GPUs of jobs", h.Count, h.Type, has, vcpus, memory, gpus)
		}
		usd += number(has["ondemand_usd_per_hour"]) * float64(h.Count)
	}
	for _, u := range p.Unplaced {
		got[shape(u.VCPUs, u.MemoryMiB, u.GPUs)] += u.Count
		if u.Reason == "" {
			t.Errorf("no reason for %+v", u)
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("jobs of the file (-) and of the plan (+):\n%s", diff)
	}
	if usd > *p.USD*(1+1e-9) || usd < *p.USD*(1-1e-9) {
		t.Errorf("usd_per_hour = %v, the hosts cost %v", *p.USD, usd)
	}
	if *p.Bound > usd*(1+1e-9) {
		t.Errorf("the bound %v is above the cost %v", *p.Bound, usd)
	}
	return p
}

const fewTypes = `instance_type,vcpus,memory_mib,gpus,gpu_name,arch,ondemand_usd_per_hour
c.large,2,4096,0,,x86_64,0.08
c.4xlarge,16,32768,0,,x86_64,0.64
m.4xlarge,16,65536,0,,x86_64,0.80
g.4xlarge,16,65536,1,NVIDIA T4,x86_64,1.20
`

func TestPlanFitsTheFiles(t *testing.T) {
	tests := map[string]struct {
		jobs     string
		unplaced int
	}{
		"a workload file":           {"job_id,arrival_s,duration_s,vcpus,memory_mib,gpus\na,0,10,2,4096,0\nb,0,10,4,16384,0\nc,5,10,8,8192,1\n", 0},
		"counts and parts of vCPUs": {"vcpus,memory_mib,count\n0.25,300,1000\n1.5,2048,333\n", 0},
		"a job larger than all":     {"vcpus,memory_mib,gpus\n1,512,0\n64,512,0\n1,512,2\n", 2},
		"no jobs at all":            {"vcpus,memory_mib\n", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ok("plan", "--jobs", w.file("jobs.csv", test.jobs), "--types", w.file("types.csv", fewTypes), "-o", "json")
			p := checkPrinted(t, w.out.Bytes(), test.jobs, fewTypes)
			n := 0
			for _, u := range p.Unplaced {
				n += u.Count
			}
			if n != test.unplaced {
				t.Errorf("%d jobs without a place, want %d: %+v", n, test.unplaced, p.Unplaced)
			}
		})
	}
}

// TestPlanOfSharedWorkloads plans real workloads, which are not part of the repository.
func TestPlanOfSharedWorkloads(t *testing.T) {
	dir := cmp.Or(os.Getenv("PACKHORSE_SHARED_DATA"), os.Getenv("PACKHORSE_DATA"), "../../../shared/data")
	types, err := os.ReadFile(filepath.Join(dir, "bench-types.csv"))
	if err != nil {
		t.Skipf("no workloads: %v; set PACKHORSE_SHARED_DATA to the folder that has bench-types.csv", err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "workloads", "*.csv"))
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			jobs, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			w.ok("plan", "--jobs", file, "--types", filepath.Join(dir, "bench-types.csv"), "-o", "json")
			p := checkPrinted(t, w.out.Bytes(), string(jobs), string(types))
			if ratio := *p.USD / *p.Bound; ratio > 1.01 {
				t.Errorf("%v dollars, bound %v: ratio %.4f, want at most 1.01", *p.USD, *p.Bound, ratio)
			}
		})
	}
}

func TestPlanRefusesWhatItCannotRead(t *testing.T) {
	tests := map[string]struct{ jobs, types, want string }{
		"an empty file":          {"", fewTypes, "is empty"},
		"no memory column":       {"vcpus\n1\n", fewTypes, "has no column memory_mib; it has vcpus"},
		"no number":              {"vcpus,memory_mib\none,2\n", fewTypes, `line 2: vcpus "one" is not a number`},
		"below zero":             {"vcpus,memory_mib\n1,2\n-1,2\n", fewTypes, `line 3: vcpus "-1" is not a number of 0 or more`},
		"an empty cell":          {"vcpus,memory_mib\n,2\n", fewTypes, "line 2: vcpus and memory_mib must not be empty"},
		"an odd architecture":    {"vcpus,memory_mib,arch\n1,2,arm\n", fewTypes, `arch "arm" is neither x86_64 nor arm64`},
		"too many jobs":          {"vcpus,memory_mib,count\n1,2,9e12\n", fewTypes, "more than"},
		"a line that is short":   {"vcpus,memory_mib\n1\n", fewTypes, "wrong number of fields"},
		"a column twice":         {"vcpus,memory_mib,vcpus\n1,2,3\n", fewTypes, `line 1: the column "vcpus" is there twice`},
		"parted by semicolons":   {"vcpus;memory_mib\n1;2\n", fewTypes, "part the columns by commas"},
		"a gzipped file":         {"\x1f\x8b\x08\x00", fewTypes, "is compressed"},
		"an open quote":          {"vcpus,memory_mib\n\"1,2\n", fewTypes, "line 2: extraneous or missing"},
		"a stray quote":          {"vcpus,memory_mib\n1\"1,2\n", fewTypes, "line 2: bare"},
		"a unit":                 {"vcpus,memory_mib\n1,2GiB\n", fewTypes, `line 2: memory_mib "2GiB" is not a number of 0 or more`},
		"NaN":                    {"vcpus,memory_mib\nNaN,2\n", fewTypes, `vcpus "NaN" is not a number`},
		"infinity":               {"vcpus,memory_mib\n1,+Inf\n", fewTypes, `memory_mib "+Inf" is not a number`},
		"a number past all":      {"vcpus,memory_mib\n1,1e400\n", fewTypes, `memory_mib "1e400" is not a number`},
		"an enormous number":     {"vcpus,memory_mib\n1,1e30\n", fewTypes, `memory_mib "1e30" is too large`},
		"a hexadecimal number":   {"vcpus,memory_mib\n1,0x10\n", fewTypes, `memory_mib "0x10" is not a number`},
		"half a job":             {"vcpus,memory_mib,count\n1,2,1.5\n", fewTypes, `line 2: count "1.5" is not a whole number`},
		"half a GPU":             {"vcpus,memory_mib,gpus\n1,2,0.5\n", fewTypes, `line 2: gpus "0.5" is not a whole number`},
		"a terminal's codes":     {"vcpus,memory_mib\n\x1b[31m,2\n", fewTypes, `vcpus "?[31m" is not a number`},
		"a type of an odd kind":  {"vcpus,memory_mib\n1,2\n", "instance_type,vcpus,memory_mib,usd_per_hour,arch\na,1,2,3,risc\n", `line 2: arch "risc" is neither`},
		"a price that is none":   {"vcpus,memory_mib\n1,2\n", "instance_type,vcpus,memory_mib,usd_per_hour\na,1,2,-3\n", `line 2: ondemand_usd_per_hour "-3" is not a number`},
		"an enormous price":      {"vcpus,memory_mib\n1,2\n", "instance_type,vcpus,memory_mib,usd_per_hour\na,1,2,1e20\n", "line 2: a price of 1e+20 dollars per hour is too large"},
		"types without a line":   {"vcpus,memory_mib\n1,2\n", "instance_type,vcpus,memory_mib,usd_per_hour\n", "has no types"},
		"a type without a price": {"vcpus,memory_mib\n1,2\n", "instance_type,vcpus,memory_mib,usd_per_hour\na,1,2,\n", "line 2: a type needs a name and a price"},
		"a type twice":           {"vcpus,memory_mib\n1,2\n", "instance_type,vcpus,memory_mib,usd_per_hour\na,1,2,3\na,1,2,3\n", "line 3: a is on line 2 already"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			code := w.run("plan", "--jobs", w.file("jobs.csv", test.jobs), "--types", w.file("types.csv", test.types))
			if code != ExitUsage || !strings.Contains(w.err.String(), test.want) {
				t.Errorf("exit code %d with %q, want %d with %q", code, w.err.String(), ExitUsage, test.want)
			}
		})
	}
}

func TestPlanForPeople(t *testing.T) {
	w := newWorld(t)
	jobs := w.file("jobs.csv", "vcpus,memory_mib,gpus,count\n2,4096,0,9\n1,100,3,2\n")
	w.ok("plan", "--jobs", jobs, "--types", w.file("types.csv", fewTypes))
	for _, want := range []string{
		"11, of which 2 have no place", "$0.7200 per hour", "c.4xlarge", "c.large", "100.0 %",
		"2 jobs of 1 vCPU, 100 MiB, 3 GPU: it needs 1 vCPU, 100 MiB, 3 GPU, more than any type has; the nearest is g.4xlarge with 16 vCPU, 65536 MiB, 1 GPU",
	} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, w.out.String())
		}
	}
}

func TestPlanFromBuiltInTypes(t *testing.T) {
	w := newWorld(t)
	w.ok("plan", "--jobs", w.file("jobs.csv", "vcpus,memory_mib,count\n2,3704,1\n"), "--instance-types", "c5", "-o", "json")
	if want := `"type": "c5.large"`; !strings.Contains(w.out.String(), want) {
		t.Errorf("a job of 3704 MiB, which is what jobs get of a c5.large: %s", w.out.String())
	}
}

func TestTypes(t *testing.T) {
	w := newWorld(t)
	w.ok("types", "g6", "--min-gpus", "4", "--sort", "gpu", "--max-price", "20", "-o", "id")
	if got, want := w.out.String(), "g6.12xlarge\ng6.24xlarge\ng6.48xlarge\n"; got != want {
		t.Errorf("g6 with 4 GPUs or more for at most 20 dollars = %q, want %q", got, want)
	}
	w = newWorld(t)
	w.ok("types", "c5.large")
	if got := w.out.String(); !strings.Contains(got, "USD/VCPU") || !strings.Contains(got, "0.04250") {
		t.Errorf("c5.large costs 0.085 dollars for 2 vCPUs:\n%s", got)
	}
	if w = newWorld(t); w.run("types", "c5.lrage") != ExitUsage || !strings.Contains(w.err.String(), `"c5.lrage"`) {
		t.Errorf("a type that is not there: %s", w.err.String())
	}
}

// What spreadsheets and people write is read all the same.
func TestPlanReadsWhatPeopleWrite(t *testing.T) {
	want := "1.5 vCPU, 2048 MiB"
	tests := map[string]string{
		"a byte order mark":        "\ufeffvcpus,memory_mib\n1.5,2048\n",
		"quoted after the mark":    "\ufeff\"vcpus\",\"memory_mib\"\n\"1.5\",\"2048\"\n",
		"lines of Windows":         "vcpus,memory_mib\r\n1.5,2048\r\n",
		"spaces":                   " vcpus , memory_mib \n 1.5 , 2048 \n",
		"capitals":                 "VCPUs,Memory_MiB\n1.5,2048\n",
		"exponents":                "vcpus,memory_mib\n1.5e0,2.048e3\n",
		"no line end":              "vcpus,memory_mib\n1.5,2048",
		"empty lines and comments": "# jobs\n\nvcpus,memory_mib\n\n# one\n1.5,2048\n\n",
		"other columns":            "name,vcpus,note,memory_mib\na,1.5,\"x, y\",2048\n",
		"a count of its own":       "vcpus,memory_mib,count\n1.5,2048,1\n1.5,2048,0\n",
		"parts of a MiB, upwards":  "vcpus,memory_mib\n1.4999,2047.2\n",
	}
	for name, jobs := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ok("plan", "--jobs", w.file("jobs.csv", jobs), "--types", w.file("types.csv", fewTypes), "-o", "json")
			var p planned
			if err := json.Unmarshal(w.out.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, h := range p.Hosts {
				for _, j := range h.Jobs {
					got += fmt.Sprintf("%g vCPU, %d MiB", j.VCPUs, j.MemoryMiB)
				}
			}
			if got != want {
				t.Errorf("%q is read as %q, want one job of %s", jobs, got, want)
			}
		})
	}
}

// A host has no more than its file says: parts are left out.
func TestPlanRoundsHostsDown(t *testing.T) {
	w := newWorld(t)
	w.ok("plan", "--jobs", w.file("jobs.csv", "vcpus,memory_mib\n1,1000.5\n"), "-o", "json",
		"--types", w.file("types.csv", "instance_type,vcpus,memory_mib,usd_per_hour\na,1,1000.9,1\n"))
	if !strings.Contains(w.out.String(), `"unplaced": [
        {`) {
		t.Errorf("a job of 1001 MiB is on a host of 1000.9 MiB:\n%s", w.out.String())
	}
}

func TestPlanRefusesOddFlags(t *testing.T) {
	tests := map[string]struct {
		flags []string
		want  string
	}{
		"NaN vCPUs":         {[]string{"--max-vcpus", "NaN"}, "--max-vcpus NaN is not a number from 0"},
		"infinite vCPUs":    {[]string{"--max-vcpus", "Inf"}, "--max-vcpus +Inf is not a number from 0"},
		"fewer than none":   {[]string{"--max-vcpus", "-1"}, "--max-vcpus -1 is not a number from 0"},
		"none at all":       {[]string{"--max-vcpus", "0"}, "--max-vcpus 0 would leave every job without a host"},
		"no hosts":          {[]string{"--max-hosts", "0"}, "--max-hosts 0 would leave every job without a host"},
		"hosts below zero":  {[]string{"--max-hosts", "-3"}, "--max-hosts -3 is less than 0"},
		"a time below zero": {[]string{"--time-limit", "-1s"}, "--time-limit -1s is less than no time"},
		"a time of no unit": {[]string{"--time-limit", "5"}, "is not a time with its unit"},
		"an endless boot":   {[]string{"--boot", "999999h"}, "--boot 999999h0m0s is too long"},
		"an odd arch":       {[]string{"--arch", "ARM"}, `--arch "ARM" is none of x86_64, arm64, any`},
		"two inputs":        {[]string{"--types", "-", "--jobs", "-"}, "cannot both be the standard input"},
		"no such file":      {[]string{"--jobs", "/nowhere/jobs.csv"}, "there is no file /nowhere/jobs.csv"},
		"a folder":          {[]string{"--jobs", "/"}, "/ is a folder"},
		"types twice":       {[]string{"--types", "x.csv", "--instance-types", "m7i"}, "exclude each other"},
		"an unknown family": {[]string{"--instance-types", "z99"}, `there is no instance type or family "z99"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			args := append([]string{"plan", "--jobs", w.file("jobs.csv", "vcpus,memory_mib\n1,2\n")}, test.flags...)
			if got := w.fails(ExitUsage, args...); !strings.Contains(got, test.want) {
				t.Errorf("plan %v: %s, want %s", test.flags, got, test.want)
			}
		})
	}
}

// A limit below one thousandth of a vCPU is still a limit.
func TestPlanKeepsToTheSmallestLimit(t *testing.T) {
	w := newWorld(t)
	w.ok("plan", "--jobs", w.file("jobs.csv", "vcpus,memory_mib\n1,2\n"), "--types", w.file("types.csv", fewTypes), "--max-vcpus", "0.0001", "-o", "json")
	if !strings.Contains(w.out.String(), `"hosts": []`) {
		t.Errorf("with --max-vcpus 0.0001 the plan is\n%s", w.out.String())
	}
}

// Any text is read or refused with its place; neither ends the program.
func FuzzReadJobs(f *testing.F) {
	for _, seed := range []string{
		"", "vcpus,memory_mib\n", "vcpus,memory_mib\n1,2\n", "\ufeffvcpus,memory_mib\r\n0.5,1e3\r\n", "vcpus,memory_mib,gpus,count,arch,types\n1,2,1,3,arm64,a b\n",
		"vcpus,memory_mib\nNaN,-1\n", "vcpus,memory_mib,count\n1,2,9e99\n", "\"", "vcpus,vcpus\n", "\x1f\x8b", "vcpus,memory_mib\n1\n", "#\n,\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		groups, err := readJobs("jobs.csv", strings.NewReader(text), "")
		if err != nil {
			if !strings.Contains(err.Error(), "jobs.csv") {
				t.Errorf("%q: the error %q does not name the file", text, err)
			}
			return
		}
		jobs := 0
		for _, g := range groups {
			if jobs += g.Count; g.Count < 0 || g.Need.MilliVCPU < 0 || g.Need.MemoryMiB < 0 || g.Need.GPUs < 0 || jobs > mostJobs {
				t.Errorf("%q is read as %+v", text, g)
			}
		}
	})
}

func FuzzReadTypes(f *testing.F) {
	for _, seed := range []string{
		"", fewTypes, "instance_type,vcpus,memory_mib,usd_per_hour\na,1,2,3\n", "name,vcpus,memory_mib,price,max,arch\na,1.5,2.5,0,1,arm64\n",
		"instance_type,vcpus,memory_mib,usd_per_hour\na,1,2,NaN\n", "instance_type,vcpus,memory_mib,usd_per_hour\na,1,2,3\na,1,2,3\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		types, err := readTypes("types.csv", strings.NewReader(text))
		if err != nil {
			if !strings.Contains(err.Error(), "types.csv") {
				t.Errorf("%q: the error %q does not name the file", text, err)
			}
			return
		}
		for _, typ := range types {
			if typ.Name == "" || !(typ.USDPerHour >= 0 && typ.USDPerHour <= mostUSD) || typ.Max < 0 || typ.Has.MilliVCPU < 0 || typ.Has.MemoryMiB < 0 {
				t.Errorf("%q is read as %+v", text, typ)
			}
		}
	})
}
