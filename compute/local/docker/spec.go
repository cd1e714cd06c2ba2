package docker

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute"
)

const (
	sharesPerVCPU = 1024 // CPU shares: a floor under contention, not a cap, as on ECS
	minShares     = 2    // the kernel's
	mib           = 1 << 20
)

// The engine's own copy of a container's output. It is named here because a
// daemon may have any default, even drivers that cannot be read back. It only has
// to bridge the time until the output is copied into the log stream.
const (
	logDriver   = "json-file"
	logFileSize = "64m"
	logFiles    = "2"
)

// settings is what all containers of a runtime have in common.
type settings struct {
	instance    string
	network     string // host, bridge or none
	hostGateway bool   // the engine can name the machine as host.docker.internal
}

// createOptions says to the engine what a container of a task is.
func (s settings) createOptions(task *compute.Task, index int, gpus []gpu) (client.ContainerCreateOptions, error) {
	c := &task.Containers[index]
	grace := c.StopTimeout
	if grace <= 0 {
		grace = compute.DefaultStopTimeout
	}
	stopSeconds := int(math.Ceil(grace.Seconds()))
	config := &container.Config{
		Image:       c.Image,
		Cmd:         c.Command,
		User:        c.User,
		Labels:      labels(s.instance, task, index, gpuIDs(gpus)),
		StopTimeout: &stopSeconds,
	}
	for _, e := range c.Env {
		config.Env = append(config.Env, e.Name+"="+e.Value)
	}
	host := &container.HostConfig{
		LogConfig:      container.LogConfig{Type: logDriver, Config: map[string]string{"max-size": logFileSize, "max-file": logFiles}},
		NetworkMode:    container.NetworkMode(s.network),
		RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
		Privileged:     c.Privileged,
		ReadonlyRootfs: c.ReadonlyRoot,
		ShmSize:        c.SharedMiB * mib,
		Resources: container.Resources{
			CPUShares:      max(c.Need.MilliVCPU*sharesPerVCPU/1000, minShares),
			Memory:         c.Need.MemoryMiB * mib,
			DeviceRequests: deviceRequests(gpus),
		},
	}
	if s.hostGateway && s.network == NetworkBridge {
		host.ExtraHosts = []string{"host.docker.internal:host-gateway"}
	}
	if c.Init {
		host.Init = &c.Init
	}
	if c.MaxSwapMiB != nil && c.Need.MemoryMiB > 0 {
		// Docker counts memory and swap together; equal to the memory is no swap.
		host.MemorySwap = (c.Need.MemoryMiB + *c.MaxSwapMiB) * mib
		host.MemorySwappiness = c.Swappiness // AWS ignores it without maxSwap
	}
	for _, u := range c.Ulimits {
		host.Ulimits = append(host.Ulimits, &container.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	for _, d := range c.Devices {
		host.Devices = append(host.Devices, device(d))
	}
	if len(c.Tmpfs) > 0 {
		host.Tmpfs = make(map[string]string, len(c.Tmpfs))
	}
	for _, t := range c.Tmpfs {
		host.Tmpfs[t.Path] = strings.Join(append([]string{fmt.Sprintf("size=%dm", t.SizeMiB)}, t.Options...), ",")
	}
	for _, m := range c.Mounts {
		if err := s.addMount(host, task, m); err != nil {
			return client.ContainerCreateOptions{}, err
		}
	}
	return client.ContainerCreateOptions{Name: containerName(task, index), Config: config, HostConfig: host}, nil
}

func device(d compute.Device) container.DeviceMapping {
	m := container.DeviceMapping{PathOnHost: d.HostPath, PathInContainer: d.ContainerPath, CgroupPermissions: d.Permissions}
	if m.PathInContainer == "" {
		m.PathInContainer = d.HostPath
	}
	if m.CgroupPermissions == "" {
		m.CgroupPermissions = "rwm"
	}
	return m
}

// addMount shows a volume of the task in the container.
func (s settings) addMount(host *container.HostConfig, task *compute.Task, m compute.Mount) error {
	for _, v := range task.Volumes {
		switch {
		case v.Name != m.Volume:
			continue
		case v.HostPath == "":
			host.Mounts = append(host.Mounts, mount.Mount{
				Type: mount.TypeVolume, Source: volumeName(task.ID, v.Name), Target: m.Path, ReadOnly: m.ReadOnly,
				VolumeOptions: &mount.VolumeOptions{Labels: map[string]string{labelInstance: s.instance, labelTask: task.ID}},
			})
		case strings.Contains(v.HostPath+m.Path, ":"):
			// The short form below cannot say a colon; this one does not make the directory.
			host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: v.HostPath, Target: m.Path, ReadOnly: m.ReadOnly})
		default:
			// As "docker run -v": a missing directory on the host is made.
			bind := v.HostPath + ":" + m.Path
			if m.ReadOnly {
				bind += ":ro"
			}
			host.Binds = append(host.Binds, bind)
		}
		return nil
	}
	return fmt.Errorf("mount point %s: the task has no volume %q; name it in volumes", m.Path, m.Volume)
}

// stopGrace is how long the engine waits between SIGTERM and SIGKILL.
func stopGrace(seconds *int) time.Duration {
	if seconds == nil {
		return compute.DefaultStopTimeout
	}
	return time.Duration(*seconds) * time.Second
}
