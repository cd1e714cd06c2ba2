package docker

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/logs"
)

func TestLabels_holdWhatARestartNeeds(t *testing.T) {
	task := compute.Task{
		ID: "0123", JobID: "job", Attempt: 2, Cluster: "cluster", Host: "host",
		Containers: []compute.Container{
			{Name: "a"},
			{Name: "b", Essential: true, LogGroup: "g", LogStream: "s", DependsOn: []compute.Dependency{{Container: "a", Condition: "SUCCESS"}}},
		},
		Volumes: []compute.Volume{{Name: "empty"}, {Name: "host", HostPath: "/data"}},
	}
	got, err := identify(labels("i", &task, 1, []string{"0", "1"}))
	if err != nil {
		t.Fatal(err)
	}
	want := identity{
		Task:  compute.Task{ID: "0123", JobID: "job", Attempt: 2, Cluster: "cluster", Host: "host"},
		Index: 1, Count: 2, Container: task.Containers[1],
		Volumes: []string{"packhorse-0123-empty"}, GPUs: []string{"0", "1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("labels read back (-want +got):\n%s", d)
	}
}

func TestIdentify_leavesStrangersAlone(t *testing.T) {
	for name, spoil := range map[string]func(map[string]string){
		"a newer schema":      func(m map[string]string) { m[labelSchema] = "2" },
		"a missing attempt":   func(m map[string]string) { delete(m, labelAttempt) },
		"an index too high":   func(m map[string]string) { m[labelIndex] = "1" },
		"broken dependencies": func(m map[string]string) { m[labelDependsOn] = "{" },
	} {
		task := compute.Task{ID: "0123", Containers: []compute.Container{{Name: "a"}}}
		m := labels("i", &task, 0, nil)
		spoil(m)
		if _, err := identify(m); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestJoiner(t *testing.T) {
	const t1, t2, t3 = "2026-01-02T03:04:05.000000001Z ", "2026-01-02T03:04:05.000000002Z ", "2026-01-02T03:04:05.000000003Z "
	after, _ := time.Parse(time.RFC3339Nano, strings.TrimSpace(t1))
	tests := map[string]struct {
		after  time.Time
		frames []string
		want   []string
	}{
		"one frame, one line":               {time.Time{}, []string{t1 + "a\n", t2 + "b\n"}, []string{t1 + "a", t2 + "b"}},
		"an empty line":                     {time.Time{}, []string{t1 + "\n"}, []string{t1}},
		"pieces of a long line":             {time.Time{}, []string{t1 + "a", t1 + "b", t1 + "c\n", t2 + "d\n"}, []string{t1 + "abc", t2 + "d"}},
		"an end without newline":            {time.Time{}, []string{t1 + "a\n", t2 + "b"}, []string{t1 + "a", t2 + "b"}},
		"what is in the stream is left out": {after, []string{t1 + "a\n", t2 + "b\n"}, []string{t2 + "b"}},
		"pieces of what is in the stream":   {after, []string{t1 + "a", t1 + "b\n", t3 + "c\n"}, []string{t3 + "c"}},
		"a line of the largest event's size": {time.Time{},
			[]string{t1 + strings.Repeat("x", logs.MaxMessage), t1 + "\n", t2 + "b\n"},
			[]string{t1 + strings.Repeat("x", logs.MaxMessage), t2 + "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			j := &joiner{after: test.after, append: func(at time.Time, line []byte) error {
				got = append(got, at.Format("2006-01-02T15:04:05.000000000Z ")+string(line))
				return nil
			}}
			for _, f := range test.frames {
				if _, err := j.Write([]byte(f)); err != nil {
					t.Fatal(err)
				}
			}
			if err := j.flush(); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("events = %.80q, %v; want %.80q", got, err, test.want)
			}
		})
	}
	if _, err := new(joiner).Write([]byte("no time stamp")); err == nil {
		t.Error("a frame without a time stamp was accepted")
	}
}

func TestFindGPUs(t *testing.T) {
	proc := t.TempDir()
	for _, name := range []string{"0000:01:00.0", "0000:02:00.0"} {
		if err := os.Mkdir(filepath.Join(proc, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	nvidia := map[string]system.RuntimeWithStatus{"nvidia": {}}
	tests := map[string]struct {
		info system.Info
		proc string
		want []string
	}{
		"none":                         {system.Info{}, proc, []string{}},
		"the runtime and the driver":   {system.Info{Runtimes: nvidia}, proc, []string{"0", "1"}},
		"the runtime without a driver": {system.Info{Runtimes: nvidia}, filepath.Join(proc, "none"), []string{}},
		"found by the engine itself":   {system.Info{Runtimes: nvidia, DiscoveredDevices: []system.DeviceInfo{{ID: "nvidia.com/gpu=0"}, {ID: "nvidia.com/gpu=all"}}}, proc, []string{"nvidia.com/gpu=0"}},
	}
	for name, test := range tests {
		if got := gpuIDs(findGPUs(test.info, test.proc)); !slices.Equal(got, test.want) {
			t.Errorf("%s: GPUs = %q, want %q", name, got, test.want)
		}
	}
}

func TestGPUPool_givesEachDeviceOnce(t *testing.T) {
	p := newGPUPool([]gpu{{id: "0"}, {id: "1"}})
	p.reserve([]string{"0"})
	got, err := p.take(1)
	if err != nil || got[0].id != "1" {
		t.Fatalf("take = %v, %v; want the one that is free", got, err)
	}
	if _, err := p.take(1); err == nil {
		t.Error("a third device was given")
	}
	p.give([]string{"0"})
	if got, err := p.take(1); err != nil || got[0].id != "0" {
		t.Errorf("take = %v, %v; want the one given back", got, err)
	}
}

func TestEngineOptions_followTheDockerCommand(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "")
	write := func(path, text string) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	host := func(named string) string {
		t.Helper()
		api, err := newClient(named)
		if err != nil {
			return err.Error()
		}
		return api.DaemonHost()
	}
	expect := func(what, got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%s: host = %q, want %q", what, got, want)
		}
	}
	expect("nothing set", host(""), client.DefaultDockerHost)
	for name, at := range map[string]string{"colima": "unix:///home/me/.colima/docker.sock", "far": "ssh://me@far"} {
		sum := sha256.Sum256([]byte(name))
		write("contexts/meta/"+hex.EncodeToString(sum[:])+"/meta.json", `{"Name":"`+name+`","Endpoints":{"docker":{"Host":"`+at+`"}}}`)
	}
	write("config.json", `{"currentContext":"colima"}`)
	expect("the current context", host(""), "unix:///home/me/.colima/docker.sock")
	t.Setenv("DOCKER_CONTEXT", "far")
	expect("a context by ssh", host(""), "ssh is not supported")
	t.Setenv("DOCKER_CONTEXT", "missing")
	expect("a context that is not there", host(""), `docker context "missing"`)
	t.Setenv("DOCKER_HOST", "unix:///elsewhere.sock")
	expect("DOCKER_HOST", host(""), "unix:///elsewhere.sock")
	expect("the host that was named", host("unix:///named.sock"), "unix:///named.sock")
}

func TestNews_keepTheLastOfEachTaskWhenNobodyWatches(t *testing.T) {
	q := newNewsQueue()
	for version := range int64(maxNews) {
		q.add(compute.TaskStatus{ID: "a", Version: version})
		q.add(compute.TaskStatus{ID: "b", Version: version})
	}
	items := q.takeAll()
	if len(items) > maxNews {
		t.Errorf("%d news wait, want at most %d", len(items), maxNews)
	}
	last := map[string]int64{}
	for _, n := range items {
		if v, ok := last[n.Task.ID]; ok && n.Task.Version <= v {
			t.Fatalf("news of %s: version %d after %d", n.Task.ID, n.Task.Version, v)
		}
		last[n.Task.ID] = n.Task.Version
	}
	if last["a"] != maxNews-1 || last["b"] != maxNews-1 {
		t.Errorf("last versions = %v, want %d", last, maxNews-1)
	}
}

func TestJournal_survivesAFileThatCannotBeRead(t *testing.T) {
	j, err := openJournal(t.TempDir(), silent)
	if err != nil {
		t.Fatal(err)
	}
	task := compute.Task{ID: "a", JobID: "job", Containers: []compute.Container{{Name: "default", StopTimeout: time.Minute}}}
	if err := j.write("a", entry{Task: &task}); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(j.path("b"), []byte("{"), 0o600)
	got, err := j.load()
	if err != nil || len(got) != 1 {
		t.Fatalf("load = %v, %v; want the readable one", got, err)
	}
	if d := cmp.Diff(&task, got["a"].Task); d != "" {
		t.Errorf("task read back (-want +got):\n%s", d)
	}
	j.remove("a")
	j.remove("a")
	if got, _ := j.load(); len(got) != 0 {
		t.Errorf("after remove load = %v", got)
	}
}

func TestWriteTar_refusesContentThatIsShort(t *testing.T) {
	file := ImageFile{Path: "/a", Content: strings.NewReader("abc"), Size: 5}
	if err := writeTar(new(bytes.Buffer), []ImageFile{file}); err == nil {
		t.Error("a file of 3 bytes passed as one of 5")
	}
}
