package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/packhorse-batch/packhorse/internal/cli/batchtest"
)

func TestSubmitMakesTheRequestThatTheFlagsSay(t *testing.T) {
	w := newWorld(t)
	w.env["TOKEN"] = "s3cret"
	golden(t, "submit-flags", w.ok("submit", "--dry-run",
		"--name", "n", "--queue", "high", "--definition", "align:3", "--array", "8",
		"--depends-on", "a1", "--depends-on", "b2:N_TO_N", "--depends-on", "c3:4", "--depends-on", "sequential",
		"--param", "sample=NA12878", "--env", "DEBUG=1", "--env", "TOKEN", "--vcpus", "0.5", "--memory", "2GiB", "--gpus", "1",
		"--retries", "2", "--timeout", "10m", "--share", "team", "--priority", "7", "--tag", "cost=x",
		"--", "bwa", "mem", "Ref::sample"))
}

const jobFile = `{
  "jobName": "from-file",
  "jobQueue": "high",
  "jobDefinition": "align",
  "containerOverrides": {
    "command": ["bwa"],
    "environment": [{"name": "DEBUG", "value": "0"}],
    "resourceRequirements": [{"type": "VCPU", "value": "1"}]
  },
  "timeout": {"attemptDurationSeconds": 600}
}`

func TestSubmitTakesTheFileOfTheAWSCLIAndFlagsWin(t *testing.T) {
	w := newWorld(t)
	path := w.file("job.json", jobFile)
	w.in = jobFile
	want := w.ok("submit", "--dry-run", "-f", path, "--name", "again", "--env", "DEBUG=1", "--vcpus", "4")
	golden(t, "submit-file", want)
	for _, args := range [][]string{
		{"--cli-input-json", "file://" + path},
		{"--cli-input-json", path},
		{"--cli-input-json", jobFile},
		{"--cli-input-json", "-"},
		{"-f", "-"},
	} {
		got := w.ok(append([]string{"submit", "--dry-run", "--name", "again", "--env", "DEBUG=1", "--vcpus", "4"}, args...)...)
		same(t, strings.Join(args, " "), got, want)
	}
}

func TestSubmitRefusesWhatItCannotMean(t *testing.T) {
	w := newWorld(t)
	tests := map[string]struct {
		args []string
		want string
	}{
		"an unknown key": {
			[]string{"--cli-input-json", `{"jobName":"x", "jobQeue":"y"}`},
			`packhorse: --cli-input-json: line 1: unknown key "jobQeue", did you mean "jobQueue"?`,
		},
		"an array of one":      {[]string{"--array", "1"}, "packhorse: --array 1: an array has 2 to 10000 jobs"},
		"a short timeout":      {[]string{"--timeout", "10s"}, "packhorse: --timeout 10s is less than the shortest one, 1m0s"},
		"too many retries":     {[]string{"--retries", "10"}, "packhorse: --retries 10 is not between 0 and 9"},
		"memory in parsecs":    {[]string{"--memory", "3pc"}, `packhorse: "3pc" is not an amount of memory`},
		"vCPUs in words":       {[]string{"--vcpus", "two"}, `packhorse: --vcpus "two" is not a number of vCPUs`},
		"a parameter alone":    {[]string{"--param", "sample"}, `packhorse: --param "sample" is not KEY=VALUE`},
		"image and definition": {[]string{"--image", "x", "--definition", "y"}, "packhorse: --image and a job definition exclude each other"},
		"two commands":         {[]string{"--command", "x", "--", "y"}, "packhorse: the command is given twice, by --command and after --"},
		"a quote left open":    {[]string{"--command", "sh -c 'echo"}, `packhorse: --command "sh -c 'echo": a quote ' is not closed`},
	}
	for name, tt := range tests {
		got, _, _ := strings.Cut(w.fails(ExitUsage, append([]string{"submit"}, tt.args...)...), "\n")
		same(t, name, got, tt.want)
	}
	if calls := w.server.Calls(); len(calls) > 0 {
		t.Errorf("the server was asked for %v, want nothing", calls)
	}
}

func TestSubmitPrintsTheIDAndNothingElse(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	same(t, "id", w.ok("submit", "--definition", "align"), batchtest.ID(1)+"\n")
	same(t, "json", w.ok("submit", "--definition", "align", "--name", "x", "-o", "json"), `{
    "jobId": "`+batchtest.ID(2)+`",
    "jobName": "x",
    "jobArn": "`+batchtest.ARN("job", batchtest.ID(2))+`"
}
`)
	j := w.server.Job(batchtest.ID(1))
	if got := aws.ToString(j.JobName); got != "align" {
		t.Errorf("name = %q, want that of the definition, align", got)
	}
	if got := shortName(aws.ToString(j.JobQueue)); got != "high" {
		t.Errorf("queue = %q, want high, the only enabled one", got)
	}
}

func TestSubmitOfAnImageMakesOneDefinitionForAllItsJobs(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	image := "docker.io/biocontainers/bwa:0.7.17"
	w.ok("submit", "--image", image, "--", "bwa", "mem")
	w.ok("submit", "--image", image, "--memory", "8GiB", "--", "bwa", "index")
	w.ok("submit", "--image", "docker.io/other/bwa:0.7.17") // the same name, another image
	registered := 0
	for _, c := range w.server.Calls() {
		if c == "registerjobdefinition" {
			registered++
		}
	}
	if registered != 2 {
		t.Errorf("%d definitions were registered, want 2: one for each image", registered)
	}
	first, second := w.server.Job(batchtest.ID(1)), w.server.Job(batchtest.ID(2))
	if *first.JobDefinition != *second.JobDefinition {
		t.Errorf("definitions %s and %s, want the same one", *first.JobDefinition, *second.JobDefinition)
	}
	if got := aws.ToString(first.JobName); got != "bwa-0-7-17" {
		t.Errorf("name = %q, want bwa-0-7-17", got)
	}
	if got := second.Container.Command; !slices.Equal(got, []string{"bwa", "index"}) {
		t.Errorf("command = %q, want bwa index", got)
	}
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                             nil,
		"  echo   hello ":              {"echo", "hello"},
		`sh -c 'echo "a  b"; exit 3'`:  {"sh", "-c", `echo "a  b"; exit 3`},
		`a"b c"d ""`:                   {"ab cd", ""},
		`one\ word 'back\slash' "q\""`: {"one word", `back\slash`, `q"`},
	} {
		got, err := splitWords(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("splitWords(%q) = %q, %v, want %q", line, got, err, want)
		}
	}
}

func TestNamesAreMadeFromImages(t *testing.T) {
	for image, want := range map[string]string{
		"alpine":                               "alpine",
		"docker.io/biocontainers/bwa:0.7.17":   "bwa-0-7-17",
		"localhost:5000/x@sha256:0123":         "x",
		"registry.example.org/":                "job",
		"a/" + strings.Repeat("x", 200) + ":1": strings.Repeat("x", 128),
	} {
		if got := asName(image); got != want {
			t.Errorf("asName(%q) = %q, want %q", image, got, want)
		}
	}
}
