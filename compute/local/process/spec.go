//go:build unix

package process

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// keptEnv are the variables of the server that a task gets too. What else the
// server has, credentials among it, is none of its business.
var keptEnv = []string{"PATH", "HOME", "TMPDIR", "LANG"}

// mountEnv begins the names of the variables that tell where a volume is.
const mountEnv = "PACKHORSE_MOUNT_"

// newSpec resolves a task into what its supervisor is to do.
func (r *Runtime) newSpec(task compute.Task) supervisor.Spec {
	spec := supervisor.Spec{
		ID:      task.ID,
		JobID:   task.JobID,
		Attempt: task.Attempt,
		Host:    task.Host,
		Notes:   notes(task),
		Mark:    r.mark + "/" + task.ID,
		Socket:  r.socketPath(task.ID),
		Logs:    r.o.Logs,
	}
	for _, c := range task.Containers {
		spec.Containers = append(spec.Containers, supervisor.Container{
			Name:        c.Name,
			Image:       c.Image,
			Command:     c.Command,
			Env:         r.environment(task, c),
			Essential:   c.Essential,
			DependsOn:   dependencies(c),
			LogGroup:    c.LogGroup,
			LogStream:   c.LogStream,
			StopTimeout: cmp.Or(c.StopTimeout, compute.DefaultStopTimeout),
		})
	}
	return spec
}

func dependencies(c compute.Container) []supervisor.Dependency {
	var all []supervisor.Dependency
	for _, d := range c.DependsOn {
		all = append(all, supervisor.Dependency{Container: d.Container, Condition: d.Condition})
	}
	return all
}

// environment is all that a container's command has: some of the server's
// variables, where its volumes are, and the task's own, which win.
func (r *Runtime) environment(task compute.Task, c compute.Container) []string {
	var names []string
	values := map[string]string{}
	set := func(name, value string) {
		if _, known := values[name]; !known {
			names = append(names, name)
		}
		values[name] = value
	}
	for _, name := range keptEnv {
		if value, ok := os.LookupEnv(name); ok {
			set(name, value)
		}
	}
	for _, m := range c.Mounts {
		if v, ok := volume(task, m.Volume); ok && v.HostPath != "" {
			set(mountEnv+variableName(m.Volume), v.HostPath)
		} else {
			set(mountEnv+variableName(m.Volume), filepath.Join(r.dir(task.ID), volumesDir, variableName(m.Volume)))
		}
	}
	for _, v := range c.Env {
		set(v.Name, v.Value)
	}
	env := make([]string, len(names))
	for i, name := range names {
		env[i] = name + "=" + values[name]
	}
	return env
}

// volumesDir is the directory of a task's own volumes, beside its scratch directory.
const volumesDir = "volumes"

func volume(task compute.Task, name string) (compute.Volume, bool) {
	i := slices.IndexFunc(task.Volumes, func(v compute.Volume) bool { return v.Name == name })
	if i < 0 {
		return compute.Volume{}, false
	}
	return task.Volumes[i], true
}

// variableName makes a name fit for a variable: "scratch-1" is SCRATCH_1.
func variableName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		}
		return '_'
	}, name)
}

// notes says what of a task a plain process does not do. Only what the task asks
// for is mentioned, but for the bounds, which hold for none.
func notes(task compute.Task) string {
	var all []string
	add := func(note string) {
		if !slices.Contains(all, note) {
			all = append(all, note)
		}
	}
	ignored := func(when bool, what string) {
		if when {
			add(what + " ignored")
		}
	}
	for _, c := range task.Containers {
		add("image " + c.Image + " ignored: this task runs as a plain process")
	}
	add("CPU and memory are not limited")
	for _, c := range task.Containers {
		for _, m := range c.Mounts {
			if v, _ := volume(task, m.Volume); v.HostPath != m.Path {
				add("volume " + m.Volume + " is not at " + m.Path + " but at $" + mountEnv + variableName(m.Volume))
			} else {
				ignored(m.ReadOnly, "readOnly of volume "+m.Volume)
			}
		}
		ignored(c.User != "", "user "+c.User)
		ignored(len(c.Ulimits) > 0, "ulimits")
		ignored(len(c.Devices) > 0, "devices")
		ignored(len(c.Tmpfs) > 0, "tmpfs")
		ignored(c.ReadonlyRoot, "readonlyRootFilesystem")
		ignored(c.Privileged, "privileged")
	}
	return strings.Join(all, "; ")
}
