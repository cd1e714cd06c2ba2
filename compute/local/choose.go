package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/docker"
	"github.com/packhorse-batch/packhorse/logs"
)

// Mode says what runs tasks on this machine.
type Mode string

// The modes.
const (
	Auto    Mode = "auto"    // Docker if an engine answers, else Process
	Docker  Mode = "docker"  // containers of a Docker Engine
	Process Mode = "process" // plain processes; images are ignored
)

// RuntimeOptions is what Choose needs to open a runtime. Dir and Logs are required.
type RuntimeOptions struct {
	// Dir is a directory in which each kind of runtime has one of its own.
	Dir string
	// Logs is the directory of the log store.
	Logs string
	// MaxVCPUs is how many vCPUs the machine is told to have; 0 is those it has.
	MaxVCPUs int
	// DockerHost, Instance and Network are those of docker.Options.
	DockerHost, Instance, Network string
	// Executable is that of process.Options.
	Executable string
	Log        *slog.Logger // nil: slog.Default
}

// Chosen is an open runtime and what there is to say of it.
type Chosen struct {
	Runtime Runtime
	Mode    Mode            // Docker or Process
	Machine compute.Machine // what it really can run at once
	// Note is a sentence for the user: what runs the jobs here, and what to do for
	// something else.
	Note string
}

// Choose opens the runtime of a mode. With Auto, an engine that does not answer
// within two seconds, or that runs no Linux containers, leads to plain processes;
// anything else that is wrong (a network mode that there is not) is an error.
func Choose(ctx context.Context, mode Mode, o RuntimeOptions) (Chosen, error) {
	if o.Dir == "" || o.Logs == "" {
		return Chosen{}, errors.New("local: RuntimeOptions.Dir and RuntimeOptions.Logs must name directories")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	switch mode {
	case Process:
		return chooseProcess(o, "Jobs run as plain processes of this machine; their images are ignored.")
	case Docker, Auto, "":
	default:
		return Chosen{}, fmt.Errorf("runtime %q is not known: choose %s, %s or %s", mode, Auto, Docker, Process)
	}
	chosen, err := chooseDocker(ctx, o)
	switch {
	case err == nil:
		return chosen, nil
	case !errors.Is(err, compute.ErrUnavailable):
		return Chosen{}, err
	case mode == Docker:
		return Chosen{}, fmt.Errorf("no Docker Engine to run jobs in: %w; start Docker, or choose %s", err, Process)
	}
	o.Log.Info("no Docker Engine; jobs run as plain processes", "err", err)
	return chooseProcess(o, "No Docker Engine answers, so jobs run as plain processes of this machine and their images are ignored; "+
		"start Docker and then this server again for containers.")
}

func chooseDocker(ctx context.Context, o RuntimeOptions) (Chosen, error) {
	info, err := docker.Probe(ctx, o.DockerHost)
	if err != nil {
		return Chosen{}, err
	}
	if info.OS != "linux" {
		return Chosen{}, fmt.Errorf("the Docker Engine at %s runs %s containers, not linux: %w", info.Host, info.OS, compute.ErrUnavailable)
	}
	store, err := logs.Open(o.Logs)
	if err != nil {
		return Chosen{}, err
	}
	runtime, err := docker.Open(ctx, docker.Options{
		Host: o.DockerHost, Logs: store, Instance: o.Instance, Network: o.Network,
		Dir: filepath.Join(o.Dir, "docker"), Log: o.Log,
	})
	if err != nil {
		return Chosen{}, err
	}
	machine := Bounded("the Docker Engine", batch.Resources{
		MilliVCPU: int64(info.CPUs) * 1000, MemoryMiB: info.MemoryMiB, GPUs: int64(info.GPUs),
	}, o.MaxVCPUs)
	return Chosen{
		Runtime: runtime, Mode: Docker, Machine: machine,
		Note: fmt.Sprintf("Jobs run in containers of Docker Engine %s at %s.", info.Version, info.Host),
	}, nil
}

// chooseProcess opens the runtime of plain processes.
func chooseProcess(o RuntimeOptions, note string) (Chosen, error) {
	runtime, err := openProcess(o)
	if err != nil {
		return Chosen{}, err
	}
	machine, err := ThisMachine(o.MaxVCPUs)
	if err != nil {
		return Chosen{}, errors.Join(err, runtime.Close())
	}
	return Chosen{Runtime: runtime, Mode: Process, Machine: machine, Note: note}, nil
}
