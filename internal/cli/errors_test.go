package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	domain "github.com/packhorse-batch/packhorse/batch"
)

func TestErrorsAreOneLineWithTheNextStep(t *testing.T) {
	w := newWorld(t)
	w.server.Add("high", "align")
	w.server.Add("low", "align")
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"an unknown command": {
			[]string{"job"}, ExitUsage,
			"packhorse: there is no command \"job\"\nnext: did you mean jobs?\n",
		},
		"an unknown flag": {
			[]string{"jobs", "--frob"}, ExitUsage,
			"packhorse: unknown flag: --frob\nnext: see `packhorse jobs --help`\n",
		},
		"an argument too many": {
			[]string{"jobs", "high"}, ExitUsage,
			"packhorse: packhorse jobs takes no arguments, got \"high\"\nnext: see `packhorse jobs --help`\n",
		},
		"no argument": {
			[]string{"describe"}, ExitUsage,
			"packhorse: packhorse describe needs the id of a job\nnext: see `packhorse describe --help`\n",
		},
		"a form that a command does not have": {
			[]string{"jobs", "-o", "xml"}, ExitUsage,
			"packhorse: --output \"xml\" is not one of table, wide, json, id\nnext: see `packhorse jobs --help`\n",
		},
		"a queue that does not exist, in a listing": {
			[]string{"jobs", "--queue", "nope"}, ExitFailure,
			"packhorse: there is no job queue \"nope\"\nnext: use one that exists: high, low\n",
		},
		"a queue that does not exist, in a submission": {
			[]string{"submit", "--queue", "nope", "--definition", "align"}, ExitFailure,
			"packhorse: there is no job queue \"nope\"\nnext: use one that exists: high, low\n",
		},
		"a definition that does not exist": {
			[]string{"submit", "--queue", "high", "--definition", "nope:3"}, ExitFailure,
			"packhorse: there is no active job definition \"nope\"\nnext: use one that exists: align\n",
		},
		"another refusal keeps the service's words, without their dress": {
			[]string{"submit", "--queue", "high", "--definition", "align:7"}, ExitFailure,
			"packhorse: JobDefinition name align:7 does not exist or is not in ACTIVE status\n",
		},
		"a queue to choose": {
			[]string{"submit", "--definition", "align"}, ExitUsage,
			"packhorse: which queue?\nnext: give --queue or set PACKHORSE_QUEUE: high, low\n",
		},
		"no definition": {
			[]string{"submit", "--queue", "high"}, ExitUsage,
			"packhorse: the job has no definition\nnext: give --definition NAME, or --image IMAGE to run one without a definition\n",
		},
		"a job that does not exist": {
			[]string{"describe", "cafe"}, ExitFailure,
			"packhorse: there is no job \"cafe\"\nnext: `packhorse jobs` lists the jobs; ended ones are forgotten after some days\n",
		},
		"a file that does not exist": {
			[]string{"apply", "-f", "/nowhere.yaml"}, ExitUsage,
			"packhorse: cannot read /nowhere.yaml: no such file or directory\nnext: see `packhorse apply --help`\n",
		},
		"an endpoint that is none": {
			[]string{"jobs", "--endpoint", "ftp://x"}, ExitUsage,
			"packhorse: the endpoint \"ftp://x\" is not the address of a server\nnext: give one such as http://127.0.0.1:4600, or aws\n",
		},
	}
	for name, tt := range tests {
		same(t, name, w.fails(tt.code, tt.args...), tt.want)
	}
}

func TestNoServerSaysSoAtOnceAndHowToStartOne(t *testing.T) {
	w := newWorld(t)
	w.server.Stop()
	same(t, "errors", w.fails(ExitFailure, "queues"),
		"packhorse: no server at "+w.server.URL+"\nnext: start one with `packhorse serve`, or name another with --endpoint\n")
}

func TestErrorsOfCommandsFromElsewhereKeepTheirNextStep(t *testing.T) {
	w := newWorld(t)
	serve := &cobra.Command{Use: "serve", RunE: func(*cobra.Command, []string) error {
		return &domain.Error{Code: domain.CodeInvalid, Message: "the port 4600 is taken.", Next: "choose another with --listen"}
	}}
	if code := w.app().Run(t.Context(), []string{"serve"}, serve); code != ExitFailure {
		t.Errorf("exit code %d, want %d", code, ExitFailure)
	}
	same(t, "errors", w.err.String(), "packhorse: the port 4600 is taken.\nnext: choose another with --listen\n")
	w.out.Reset()
	w.app().Run(t.Context(), []string{"--help"}, serve)
	if !strings.Contains(w.out.String(), "Server:\n  serve") {
		t.Errorf("the help does not show serve among the server's commands:\n%s", w.out.String())
	}
}
