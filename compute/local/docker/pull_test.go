package docker

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

func TestPull_progressIsShownInTheNotes(t *testing.T) {
	e := newFakeEngine(t)
	goOn := make(chan bool)
	e.Pull = func(_ http.ResponseWriter, tell func(string)) bool {
		tell(`{"status":"Pulling from genomics/aligner","id":"1.2"}`)
		tell(`{"status":"Downloading","progressDetail":{"current":2000000,"total":30000000},"id":"aaa"}`)
		<-goOn
		tell(`{"status":"Downloading","progressDetail":{"current":12000000,"total":30000000},"id":"aaa"}`)
		<-goOn
		tell(`{"status":"Downloading","progressDetail":{"current":1000000,"total":10000000},"id":"bbb"}`)
		<-goOn
		tell(`{"status":"Pull complete","progressDetail":{},"id":"aaa"}`)
		return true
	}
	g := newFakeRig(t, e)
	clock := time.Now()
	g.puller.now = func() time.Time { clock = clock.Add(noteEvery); return clock } // each look is a second later
	task := g.run(unpulled())
	for _, want := range []string{
		"pulling genomics/aligner:1.2",
		"pulling genomics/aligner:1.2: 2 of 30 MB",
		"pulling genomics/aligner:1.2: 12 of 30 MB",
		"pulling genomics/aligner:1.2: 13 of 40 MB",
	} {
		got := g.await(task.ID, want, func(s compute.TaskStatus) bool { return s.Notes == want })
		if got.State != compute.TaskPending {
			t.Errorf("state with notes %q = %s, want %s", want, got.State, compute.TaskPending)
		}
		if strings.Contains(want, "of") {
			goOn <- true
		}
	}
	if got := g.awaitState(task.ID, compute.TaskRunning); got.Notes != "" {
		t.Errorf("notes of the running task = %q, want none", got.Notes)
	}
	news := g.newsOf(task.ID)
	for i := 1; i < len(news); i++ {
		if news[i].Version <= news[i-1].Version {
			t.Errorf("version %d after %d", news[i].Version, news[i-1].Version)
		}
	}
}

func TestPull_failures(t *testing.T) {
	tests := map[string]struct {
		pull func(w http.ResponseWriter, tell func(string)) bool
		want string
	}{
		"refused at once": {
			func(w http.ResponseWriter, _ func(string)) bool {
				answer(w, http.StatusNotFound, map[string]string{"message": "pull access denied for genomics/aligner, repository does not exist or may require 'docker login'"})
				return false
			},
			"CannotPullContainerError: Error response from daemon: pull access denied for genomics/aligner, repository does not exist or may require 'docker login'",
		},
		"failed midway": {
			func(_ http.ResponseWriter, tell func(string)) bool {
				tell(`{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"aaa"}`)
				tell(`{"errorDetail":{"message":"unauthorized: authentication required"},"error":"unauthorized: authentication required"}`)
				return false
			},
			"CannotPullContainerError: unauthorized: authentication required",
		},
		"pulled, and yet not there": {
			func(_ http.ResponseWriter, tell func(string)) bool { tell(`{"status":"done"}`); return false },
			"CannotPullContainerError: Error response from daemon: No such image: genomics/aligner:1.2",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := newFakeEngine(t)
			e.Pull = test.pull
			g := newFakeRig(t, e)
			task := g.run(unpulled())
			got := g.awaitState(task.ID, compute.TaskStopped)
			if got.StopCode != compute.StopFailedToStart || got.Reason != reasonFailed || got.Containers[0].Reason != test.want {
				t.Errorf("end = %s, %q, container %q; want %s, %q, %q",
					got.StopCode, got.Reason, got.Containers[0].Reason, compute.StopFailedToStart, reasonFailed, test.want)
			}
		})
	}
}

func TestPull_sameImageIsPulledOnceForSeveralTasks(t *testing.T) {
	e := newFakeEngine(t)
	goOn := make(chan bool)
	e.Pull = func(http.ResponseWriter, func(string)) bool { return <-goOn }
	g := newFakeRig(t, e)
	tasks := []compute.Task{g.run(unpulled()), g.run(unpulled()), g.run(unpulled())}
	for _, task := range tasks {
		g.await(task.ID, "pulling", func(s compute.TaskStatus) bool { return s.Notes != "" })
	}
	goOn <- true
	for _, task := range tasks {
		g.awaitState(task.ID, compute.TaskRunning)
	}
	if n := e.pullCount(); n != 1 {
		t.Errorf("%d pulls, want 1", n)
	}
}

func TestPull_endsWhenNobodyWaitsForIt(t *testing.T) {
	e := newFakeEngine(t)
	began, ended := make(chan bool), make(chan bool)
	e.Pull = func(w http.ResponseWriter, tell func(string)) bool {
		close(began)
		for err := error(nil); err == nil; {
			_, err = w.Write([]byte(`{"status":"Waiting"}` + "\n"))
			w.(http.Flusher).Flush()
		}
		close(ended)
		return false
	}
	g := newFakeRig(t, e)
	task := g.run(unpulled())
	<-began
	g.Stop(t.Context(), task.ID, "too slow")
	if got := g.awaitState(task.ID, compute.TaskStopped); got.StopCode != compute.StopUser || got.Reason != "too slow" {
		t.Errorf("end = %+v, want %s", got, compute.StopUser)
	}
	<-ended
}

func TestPull_usesTheLoginOfTheUser(t *testing.T) {
	e := newFakeEngine(t)
	e.Pull = func(http.ResponseWriter, func(string)) bool { return true }
	g := newFakeRig(t, e)
	config := `{"auths":{"registry.example.com":{"auth":"` + base64.StdEncoding.EncodeToString([]byte("ann:secret")) + `"}}}`
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	task := unpulled()
	task.Containers[0].Image = "registry.example.com/team/tool:1"
	g.run(task)
	g.awaitState(task.ID, compute.TaskRunning)
	header, _ := base64.URLEncoding.DecodeString(e.auth)
	if !strings.Contains(string(header), `"username":"ann","password":"secret"`) {
		t.Errorf("credentials sent = %s, want those of config.json", header)
	}
}

func TestLogin(t *testing.T) {
	ask := func(helper, server string) (string, string, bool) {
		return "helped", helper, helper != "absent"
	}
	basic := cliLogin{Auth: base64.StdEncoding.EncodeToString([]byte("ann:se:cret"))}
	tests := map[string]struct {
		config cliConfig
		server string
		user   string
		secret string
	}{
		"stored in the file":                {cliConfig{Auths: map[string]cliLogin{"r.io": basic}}, "r.io", "ann", "se:cret"},
		"stored under an old name":          {cliConfig{Auths: map[string]cliLogin{"https://r.io/v1/": basic}}, "r.io", "ann", "se:cret"},
		"Docker Hub":                        {cliConfig{Auths: map[string]cliLogin{dockerHub: basic}}, dockerHub, "ann", "se:cret"},
		"of another registry":               {cliConfig{Auths: map[string]cliLogin{"r.io": basic}}, "s.io", "", ""},
		"a helper of its own":               {cliConfig{CredHelpers: map[string]string{"r.io": "ecr"}, CredsStore: "desktop"}, "r.io", "helped", "ecr"},
		"the common store":                  {cliConfig{CredsStore: "desktop"}, "r.io", "helped", "desktop"},
		"a helper that knows nothing: file": {cliConfig{CredsStore: "absent", Auths: map[string]cliLogin{"r.io": basic}}, "r.io", "ann", "se:cret"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, ok := test.config.login(test.server, ask)
			if got.Username != test.user || got.Password != test.secret || ok != (test.user != "") {
				t.Errorf("login(%s) = %q, %q, %v; want %q, %q", test.server, got.Username, got.Password, ok, test.user, test.secret)
			}
		})
	}
}

func TestRun_pinsGPUs(t *testing.T) {
	e := newFakeEngine(t)
	e.images["docker.io/genomics/aligner:1.2"] = true
	e.Info = map[string]any{"DiscoveredDevices": []map[string]string{
		{"Source": "cdi", "ID": "nvidia.com/gpu=0"}, {"Source": "cdi", "ID": "nvidia.com/gpu=1"},
		{"Source": "cdi", "ID": "nvidia.com/gpu=GPU-4711"}, {"Source": "cdi", "ID": "nvidia.com/gpu=all"}}}
	g := newFakeRig(t, e)
	if got := g.Info().GPUs; got != 2 {
		t.Errorf("Info().GPUs = %d, want 2", got)
	}
	need := func(n int64) compute.Task {
		task := unpulled()
		task.Containers[0].Need.GPUs = n
		return task
	}
	task := g.run(need(1))
	g.awaitState(task.ID, compute.TaskRunning)
	c := e.one(t)
	if r := c.HostConfig.DeviceRequests; len(r) != 1 || r[0].Driver != "cdi" || len(r[0].DeviceIDs) != 1 || r[0].DeviceIDs[0] != "nvidia.com/gpu=0" {
		t.Errorf("device requests = %+v, want the first GPU", r)
	}
	if got := c.Labels[labelGPUs]; got != "nvidia.com/gpu=0" {
		t.Errorf("label %s = %q", labelGPUs, got)
	}
	task = g.run(need(2))
	if got := g.awaitState(task.ID, compute.TaskStopped); !strings.Contains(got.Containers[0].Reason, "needs 2 GPU and 1 of 2 are free") {
		t.Errorf("reason = %q, want how many are free", got.Containers[0].Reason)
	}
}
