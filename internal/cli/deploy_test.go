package cli

import (
	"archive/zip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/packhorse-batch/packhorse/infra"
	ec2fleet "github.com/packhorse-batch/packhorse/infra/fleet"
	"github.com/packhorse-batch/packhorse/internal/deploy"
	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// runInAccount runs a command of those that deploy, as the program wires them.
func (w *world) runInAccount(args ...string) (code int) {
	w.out.Reset()
	w.err.Reset()
	app := w.app()
	app.Account = func(cfg aws.Config) *deploy.Account { return deploy.Open(cfg, ec2fleet.Open(cfg)) }
	return app.Run(w.Context(), args)
}

func TestDeployRefusesBeforeItAsksAWS(t *testing.T) {
	w := newWorld(t)
	empty := t.TempDir()
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"a parameter without a value": {
			[]string{"deploy", "--parameter", "Alarms"}, ExitUsage,
			"packhorse: --parameter \"Alarms\" is not NAME=VALUE\nnext: see `packhorse deploy --help`\n",
		},
		"a parameter that is not there": {
			[]string{"deploy", "--parameter", "Colour=red"}, ExitFailure,
			"packhorse: the template has no parameter \"Colour\" to set\nnext: use one of Alarms, FunctionLogDays, JobLogGroups, JobRolePath, JobRoles, NotifyEmail, PointInTimeRecovery, ReserveConcurrency, Running, TriggerBuckets\n",
		},
		"no folder of functions": {
			[]string{"deploy", "--functions", "/nowhere"}, ExitUsage,
			"packhorse: there is no folder \"/nowhere\" with the zipped functions\nnext: build them with `make functions`, or name their folder with --functions\n",
		},
		"a name that no deployment can have": {
			[]string{"deploy", "--functions", empty, "--region", "eu-west-1", "--deployment", "No_1"}, ExitFailure,
			"packhorse: \"No_1\" is not the name of a deployment\nnext: use up to 32 small letters, digits and single hyphens, beginning with a letter\n",
		},
		"an address that is none": {
			[]string{"status", "--region", "eu-west-1", "--endpoint-url", "moto"}, ExitUsage,
			"packhorse: --endpoint-url \"moto\" is not an address\nnext: give one such as http://127.0.0.1:5000\n",
		},
		"destroy without being asked on a terminal": {
			[]string{"destroy", "--region", "eu-west-1"}, ExitUsage,
			"packhorse: all records of the deployment packhorse will be gone\nnext: say so with --yes\n",
		},
		"no key to delete": {
			[]string{"keys", "delete"}, ExitUsage,
			"packhorse: packhorse keys delete needs the id of an access key\nnext: see `packhorse keys delete --help`\n",
		},
		"an unknown command of keys": {
			[]string{"keys", "make"}, ExitUsage,
			"packhorse: there is no command \"make\"\nnext: `packhorse keys --help` lists the commands\n",
		},
	}
	for name, tt := range tests {
		if code := w.runInAccount(tt.args...); code != tt.code {
			t.Errorf("%s: exit code %d, want %d", name, code, tt.code)
		}
		same(t, name, w.err.String(), tt.want)
	}
}

func TestDestroyOnATerminalAsksForTheName(t *testing.T) {
	w := newWorld(t)
	w.terminal = true
	w.in = "yes\n"
	code := w.runInAccount("destroy", "--deployment", "team-a")
	if want := "Type its name to go on: packhorse: nothing was destroyed\n"; code != ExitFailure || !strings.HasSuffix(w.err.String(), want) {
		t.Errorf("another answer: exit code %d, said %q, want it to end with %q", code, w.err.String(), want)
	}
}

func TestTheTemplateCanBePrinted(t *testing.T) {
	w := newWorld(t)
	if code := w.runInAccount("deploy", "--print-template"); code != ExitOK || w.out.String() != infra.Template() {
		t.Errorf("deploy --print-template: exit code %d, %d bytes, want the template", code, w.out.Len())
	}
}

func TestWithoutAnAccountTheCommandsAreNotThere(t *testing.T) {
	w := newWorld(t)
	if got := w.fails(ExitUsage, "destroy"); !strings.Contains(got, `there is no command "destroy"`) {
		t.Errorf("destroy: %s", got)
	}
}

// builtFunctions is a folder as build/functions.sh leaves it.
func builtFunctions(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, f := range infra.Functions() {
		file, err := os.Create(filepath.Join(folder, f.Name+"-arm64.zip"))
		if err != nil {
			t.Fatal(err)
		}
		w := zip.NewWriter(file)
		header := &zip.FileHeader{Name: "bootstrap"}
		header.SetMode(0o755)
		if _, err := w.CreateHeader(header); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	return folder
}

// A deployment from the command line, on moto; package deploy's tests say what moto
// cannot show, and why its template differs by an output.
func TestDeployStatusKeysDestroyOnMoto(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align") // what the address of the deployment leads to
	w.env["AWS_ENDPOINT_URL"] = peers.Moto(t)
	template := filepath.Join(t.TempDir(), "template.yaml")
	text := strings.Replace(infra.Template(), "!GetAtt ApiUrl.FunctionUrl", w.server.URL, 1)
	if err := os.WriteFile(template, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ok := func(args ...string) string {
		t.Helper()
		args = append(args, "--region", "us-west-2", "--deployment", "line")
		if code := w.runInAccount(args...); code != ExitOK {
			t.Fatalf("packhorse %s: exit code %d\n%s", strings.Join(args, " "), code, w.err.String())
		}
		return w.out.String()
	}
	address := ok("deploy", "--functions", builtFunctions(t), "--template", template, "--email", "ops@example.org")
	if want := w.server.URL + "\n"; address != want {
		t.Errorf("deploy printed %q, want the address %q", address, want)
	}
	if got := w.err.String(); !strings.Contains(got, "line is deployed in us-west-2.\nnext: make an access key with `packhorse keys create --deployment line --region us-west-2`\n") {
		t.Errorf("deploy said\n%s", got)
	}

	key := ok("keys", "create", "--role", "submit")
	if !regexp.MustCompile(`(?m)\Aexport AWS_ACCESS_KEY_ID=PHK[A-Z2-7]{17}\nexport AWS_SECRET_ACCESS_KEY=\S{40}\nexport AWS_REGION=us-west-2 AWS_DEFAULT_REGION=us-west-2\nexport AWS_ENDPOINT_URL_BATCH=http`).MatchString(key) {
		t.Errorf("keys create printed\n%s", key)
	}
	id := strings.TrimSpace(ok("keys", "list", "-q"))
	if table := ok("keys", "list"); !strings.Contains(table, id+"  submit  ") {
		t.Errorf("keys list printed\n%s\nwant the role of %s", table, id)
	}

	status := ok("status")
	for _, want := range []string{"Stack:          CREATE_COMPLETE", "Functions:      api, pass, events, sweep, s3trigger, on arm64", "Hosts:          none", "Dead letters:   none", "Access keys:    1", "QUEUE  STATE    SUBMITTED  PENDING  RUNNABLE  STARTING  RUNNING\nhigh   ENABLED  "} {
		if !strings.Contains(status, want) {
			t.Errorf("status printed\n%s\nwithout %q", status, want)
		}
	}
	if got := ok("status", "-o", "json"); !strings.Contains(got, `"name": "line"`) {
		t.Errorf("status as JSON:\n%s", got)
	}
	ok("keys", "delete", id)
	ok("destroy", "--yes")
	if want := "line is gone from us-west-2; nothing is left of it.\n"; !strings.HasSuffix(w.err.String(), want) {
		t.Errorf("destroy said\n%s", w.err.String())
	}
	if code := w.runInAccount("status", "--region", "us-west-2", "--deployment", "line"); code != ExitFailure || !strings.Contains(w.err.String(), "there is no deployment \"line\" in us-west-2") {
		t.Errorf("status after it: exit code %d\n%s", code, w.err.String())
	}
}
