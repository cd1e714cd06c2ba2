//go:build unix

package local_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/uuid"
	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/computetest"
	"github.com/packhorse-batch/packhorse/compute/local"
	"github.com/packhorse-batch/packhorse/compute/local/docker"
	"github.com/packhorse-batch/packhorse/logs"
)

// nowhere is an address at which no engine is.
const nowhere = "unix:///nonexistent/docker.sock"

func runtimeOptions(t *testing.T) local.RuntimeOptions {
	dir := t.TempDir()
	return local.RuntimeOptions{
		Dir: filepath.Join(dir, "tasks"), Logs: filepath.Join(dir, "logs"), Instance: "test-" + uuid.NewString(),
		Network: docker.NetworkNone, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

func TestAutoFallsBackToProcesses(t *testing.T) {
	o := runtimeOptions(t)
	o.DockerHost, o.MaxVCPUs = nowhere, 1
	chosen, err := local.Choose(t.Context(), local.Auto, o)
	if err != nil {
		t.Fatalf("Choose(auto) without an engine = %v", err)
	}
	defer chosen.Runtime.Close()
	if chosen.Mode != local.Process || !strings.Contains(chosen.Note, "start Docker") {
		t.Errorf("Choose(auto) without an engine = %s, %q; want process, and how to get containers", chosen.Mode, chosen.Note)
	}
	if chosen.Machine.Room.MilliVCPU != 1000 {
		t.Errorf("Machine = %s, want 1 vCPU", chosen.Machine.Room)
	}
}

func TestDockerWithoutAnEngineIsAnError(t *testing.T) {
	o := runtimeOptions(t)
	o.DockerHost = nowhere
	_, err := local.Choose(t.Context(), local.Docker, o)
	if !errors.Is(err, compute.ErrUnavailable) || !strings.Contains(err.Error(), "start Docker") {
		t.Errorf("Choose(docker) without an engine = %v, want ErrUnavailable and the next step", err)
	}
	if _, err := local.Choose(t.Context(), "podman", o); err == nil || !strings.Contains(err.Error(), "auto, docker or process") {
		t.Errorf("Choose(podman) = %v, want an error with what there is", err)
	}
}

// TestPromisesWithProcesses runs real processes on imitated hosts.
func TestPromisesWithProcesses(t *testing.T) {
	promisesWith(t, local.Process, "busybox")
}

// TestPromisesWithDocker runs real containers on imitated hosts.
func TestPromisesWithDocker(t *testing.T) {
	if testing.Short() {
		t.Skip("starts dozens of containers")
	}
	if _, err := docker.Probe(t.Context(), ""); err != nil {
		t.Skip("needs a Docker Engine:", err)
	}
	image := importBusybox(t)
	promisesWith(t, local.Docker, image)
}

// promisesWith holds a backend over a real runtime to the contract.
func promisesWith(t *testing.T, mode local.Mode, image string) {
	computetest.Run(t, func(t *testing.T) computetest.Harness {
		o := runtimeOptions(t)
		dir := t.TempDir()
		if mode == local.Docker {
			t.Cleanup(func() { removeContainers(t, o.Instance) })
		}
		var current *local.Backend
		openAgain := func(t *testing.T) compute.Backend {
			if current != nil {
				if err := current.Close(); err != nil {
					t.Fatalf("Close() = %v", err)
				}
			}
			chosen, err := local.Choose(t.Context(), mode, o)
			if err != nil {
				t.Fatal(err)
			}
			current = open(t, local.Options{Runtime: chosen.Runtime, Machine: chosen.Machine, Dir: dir})
			return current
		}
		command := func(words ...string) compute.Container {
			return compute.Container{Image: image, Command: words}
		}
		return computetest.Harness{
			Backend:  openAgain(t),
			Reopen:   openAgain,
			Hostless: true,
			Host:     request,
			Exit:     func(code int32) compute.Container { return command("sh", "-c", fmt.Sprint("exit ", code)) },
			Forever:  func() compute.Container { return command("sh", "-c", "trap 'exit 143' TERM; sleep 3600 & wait") },
			Broken:   func() compute.Container { return command("/no/such/program") },
			Print: func(lines ...string) compute.Container {
				return command("sh", "-c", "echo "+strings.Join(lines, "; echo "))
			},
			Lines:   func(t *testing.T, group, stream string) []string { return logLines(t, o.Logs, group, stream) },
			Several: true,
			InOrder: true,
		}
	})
}

// logLines is what a stream holds; nothing while there is none.
func logLines(t *testing.T, dir, group, stream string) []string {
	t.Helper()
	store, err := logs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := store.Events(t.Context(), group, stream, logs.EventsQuery{FromHead: true})
	if err != nil && !errors.Is(err, logs.ErrNoGroup) && !errors.Is(err, logs.ErrNoStream) {
		t.Fatal(err)
	}
	var all []string
	for _, event := range page.Events {
		all = append(all, strings.Clone(event.Message))
	}
	return all
}

// busybox is the program that the test image is made of; Debian's busybox-static.
const busybox = "/bin/busybox"

// importBusybox makes an image with a shell, so that no registry is needed.
func importBusybox(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(busybox); err != nil {
		t.Skip("needs a static busybox to make an image of:", err)
	}
	program, file, err := docker.FileOf(busybox, "/bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	program.Mode = 0o755
	files := []docker.ImageFile{{Path: "/bin", Mode: fs.ModeDir | 0o755}, program}
	for _, name := range []string{"sh", "sleep", "echo"} {
		files = append(files, docker.ImageFile{Path: "/bin/" + name, Link: "busybox"})
	}
	runtime, err := docker.Open(t.Context(), docker.Options{Instance: "test-" + uuid.NewString()})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close()
	name := "packhorse-test-" + uuid.NewString()[:8] + ":latest"
	if err := runtime.ImportImage(t.Context(), name, files); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		engine := engineClient(t)
		defer engine.Close()
		if _, err := engine.ImageRemove(context.Background(), name, client.ImageRemoveOptions{Force: true}); err != nil {
			t.Errorf("removing the test image: %v", err)
		}
	})
	return name
}

func engineClient(t *testing.T) *client.Client {
	t.Helper()
	engine, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// removeContainers removes what a test's instance left in the engine: a runtime
// that is closed right after Forget may not come to it.
func removeContainers(t *testing.T, instance string) {
	engine := engineClient(t)
	defer engine.Close()
	ctx := context.Background()
	list, err := engine.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: client.Filters{}.Add("label", "packhorse.instance="+instance),
	})
	if err != nil {
		t.Errorf("listing the test's containers: %v", err)
	}
	for _, c := range list.Items {
		_, err := engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
			t.Errorf("removing a container of the test: %v", err)
		}
	}
}
