package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sampleJobs = "../../docs/samples/variants.csv"

// simulated runs the command and returns what it prints.
func simulated(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, progress bytes.Buffer
	c := simulateCommand()
	c.SetOut(&out)
	c.SetErr(&progress)
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	err = c.ExecuteContext(t.Context())
	if progress.Len() > 0 && err == nil {
		t.Errorf("simulate prints %q where there is no terminal to show progress on", progress.String())
	}
	return out.String(), err
}

func TestSimulateComparesAndReports(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	args := []string{sampleJobs, "--policy", "../../docs/samples/on-demand.yaml", "--compare", "ours,ffd,../../docs/samples/spot.yaml", "--report", page}
	text, err := simulated(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"packhorse", "first-fit-decreasing", "spot", "cost / lower bound"} {
		if !strings.Contains(text, want) {
			t.Errorf("the summary lacks %q:\n%s", want, text)
		}
	}
	first, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := simulated(t, args...); err != nil || again != text {
		t.Errorf("run again the summary differs (%v)", err)
	}
	if second, err := os.ReadFile(page); err != nil || !bytes.Equal(first, second) {
		t.Errorf("run again the page differs (%v)", err)
	}
}

func TestSimulateAnswersInJSON(t *testing.T) {
	text, err := simulated(t, sampleJobs, "--policy", "../../docs/samples/spot.yaml", "--seed", "7", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Seed int     `json:"seed"`
		Cost float64 `json:"cost_usd"`
		Jobs int     `json:"jobs"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Seed != 7 || answer.Cost <= 0 || answer.Jobs < 500 {
		t.Errorf("the answer is %+v (%v), want seed 7, a cost and the jobs", answer, err)
	}
}

func TestSimulateSaysWhatIsWrong(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.csv")
	if err := os.WriteFile(bad, []byte("job_id,arrival_s,duration_s,vcpus,memory_mib,gpus\na,0,1,one,1,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(t.TempDir(), "good.csv")
	if err := os.WriteFile(good, []byte("job_id,arrival_s,duration_s,vcpus,memory_mib,gpus\na,0,1,1,1,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"a bad workload":         {[]string{bad}, "bad.csv, line 2, column vcpus"},
		"no workload":            {[]string{"nowhere.csv"}, "nowhere.csv"},
		"an unknown strategy":    {[]string{sampleJobs, "--compare", "ours,best"}, `there is no strategy "best"`},
		"the same twice":         {[]string{sampleJobs, "--compare", "ours,packhorse"}, `two policies are called "packhorse"`},
		"a page over an input":   {[]string{good, "--report", good}, "would overwrite an input"},
		"an unknown form":        {[]string{sampleJobs, "-o", "xml"}, `--output "xml"`},
		"a job that fits none":   {[]string{sampleJobs}, "no type holds it"},
		"no folder for the page": {[]string{sampleJobs, "--report", "nowhere/page.html"}, "nowhere/page.html"},
		"no policy":              {[]string{sampleJobs, "--policy", "nowhere.yaml"}, "nowhere.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := simulated(t, test.args...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("simulate %q = %v, want an error with %q", test.args, err, test.want)
			}
		})
	}
}

func TestASimulationThatFailsLeavesNoPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	if _, err := simulated(t, sampleJobs, "--report", page); err == nil {
		t.Fatal("the sample fits the default types, want a job with GPUs that does not")
	}
	if _, err := os.Stat(page); !os.IsNotExist(err) {
		t.Errorf("the page is there (%v), want none of a simulation that failed", err)
	}
}
