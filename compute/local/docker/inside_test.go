package docker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute"
)

// Each option of a container, as a program inside sees it.
func TestRun_optionsSeenFromInside(t *testing.T) {
	g := newRig(t)
	shared, missing := t.TempDir(), filepath.Join(t.TempDir(), "made", "by", "docker")
	if err := os.WriteFile(filepath.Join(shared, "hello"), []byte("from the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	mount := func(path, inside string, readOnly bool) func(*compute.Task) {
		return func(task *compute.Task) {
			task.Volumes = append(task.Volumes, compute.Volume{Name: "v", HostPath: path})
			task.Containers[0].Mounts = append(task.Containers[0].Mounts, compute.Mount{Volume: "v", Path: inside, ReadOnly: readOnly})
		}
	}
	swap := func(mib int64) *int64 { return &mib }
	tests := map[string]struct {
		script string
		adjust func(*compute.Task)
		want   string // the output holds it
	}{
		"the image's own command": {
			"", first(func(c *compute.Container) { c.Command = nil }), "the image's own command\n",
		},
		"environment, over the image's": {
			"echo $A-$B-$FROM_IMAGE", first(func(c *compute.Container) {
				c.Env = []compute.EnvVar{{Name: "A", Value: "one two"}, {Name: "B", Value: "x=y"}}
			}), "one two-x=y-yes\n",
		},
		"user": {
			"id -u; id -g", first(func(c *compute.Container) { c.User = "worker" }), "1234\n1234\n",
		},
		"cpu shares": {
			"cat /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null || cat /sys/fs/cgroup/cpu.weight",
			first(func(c *compute.Container) { c.Need.MilliVCPU = 500 }), either("512\n", "20\n"),
		},
		"memory limit": {
			"cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max",
			first(func(c *compute.Container) { c.Need.MemoryMiB = 48 }), "50331648\n",
		},
		"read-only root": {
			"touch /file || echo refused", first(func(c *compute.Container) { c.ReadonlyRoot = true }), "refused\n",
		},
		"a writable root otherwise": {
			"touch /file && echo made", nil, "made\n",
		},
		"size of /dev/shm": {
			"df -m /dev/shm | tail -n 1", first(func(c *compute.Container) { c.SharedMiB = 17 }), " 17 ",
		},
		"tmpfs": {
			"grep /fast /proc/mounts", first(func(c *compute.Container) {
				c.Tmpfs = []compute.Tmpfs{{Path: "/fast", SizeMiB: 9, Options: []string{"noexec"}}}
			}), "noexec,relatime,size=9216k",
		},
		"ulimits": {
			"ulimit -Sn; ulimit -Hn", first(func(c *compute.Container) {
				c.Ulimits = []compute.Ulimit{{Name: "nofile", Soft: 123, Hard: 456}}
			}), "123\n456\n",
		},
		"a device": {
			"ls /dev/mynull && echo x > /dev/mynull && echo written", first(func(c *compute.Container) {
				c.Devices = []compute.Device{{HostPath: "/dev/null", ContainerPath: "/dev/mynull"}}
			}), "written\n",
		},
		"a device that may only be read": {
			"echo x 2>/dev/null > /dev/mytty || echo refused", first(func(c *compute.Container) {
				c.Devices = []compute.Device{{HostPath: "/dev/tty0", ContainerPath: "/dev/mytty", Permissions: "r"}}
			}), "refused\n",
		},
		"no init process": {
			"cat /proc/1/cmdline | tr '\\0' ' '", nil, "/bin/sh -c",
		},
		"an init process": {
			"cat /proc/1/cmdline | tr '\\0' ' '", first(func(c *compute.Container) { c.Init = true }), "docker-init",
		},
		"a path of the host": {
			"cat /data/hello", mount(shared, "/data", false), "from the host\n",
		},
		"a path of the host, read-only": {
			"touch /data/x || echo refused", mount(shared, "/data", true), "refused\n",
		},
		"a path of the host that is missing is made": {
			"touch /data/x && echo made", mount(missing, "/data", false), "made\n",
		},
		"an empty volume, shared by two mounts": {
			"echo here > /a/f; cat /b/f", func(task *compute.Task) {
				task.Volumes = []compute.Volume{{Name: "scratch"}}
				task.Containers[0].Mounts = []compute.Mount{{Volume: "scratch", Path: "/a"}, {Volume: "scratch", Path: "/b"}}
			}, "here\n",
		},
		"no network but loopback": {
			"ls /sys/class/net", nil, "lo\n",
		},
		"standard error": {
			"echo problem >&2", nil, "problem\n",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			task := job(test.script)
			if test.adjust != nil {
				test.adjust(&task)
			}
			status, got := g.finish(task)
			if !matches(got, test.want) {
				t.Errorf("output of %q = %q, want %q in it (%+v)", test.script, got, test.want, status.Containers)
			}
		})
	}
	if info, err := os.Stat(missing); err != nil || !info.IsDir() {
		t.Errorf("the missing path of the host was not made: %v", err)
	}

	t.Run("privileged", func(t *testing.T) {
		status, got := g.finish(job("grep CapEff /proc/self/status", first(func(c *compute.Container) { c.Privileged = true })))
		if strings.Contains(status.Containers[0].Reason, "unable to apply caps") {
			t.Skip("this machine may not give all capabilities:", status.Containers[0].Reason)
		}
		if !strings.Contains(got, "ffffffff") {
			t.Errorf("capabilities = %q, want all", got)
		}
	})
	// A kernel without swap accounting hides these two from the inside.
	t.Run("swap", func(t *testing.T) {
		task := job("true", first(func(c *compute.Container) {
			c.Need.MemoryMiB, c.MaxSwapMiB, c.Swappiness = 32, swap(16), swap(40)
		}))
		g.finish(task)
		c, _ := g.engineHas(task)
		if h := c.Container.HostConfig; h.MemorySwap != 48*mib || h.MemorySwappiness == nil || *h.MemorySwappiness != 40 {
			t.Errorf("memory and swap = %d bytes, swappiness %v; want 48 MiB and 40", h.MemorySwap, h.MemorySwappiness)
		}
	})
	t.Run("no swap", func(t *testing.T) {
		task := job("true", first(func(c *compute.Container) { c.Need.MemoryMiB, c.MaxSwapMiB = 32, swap(0) }))
		g.finish(task)
		if c, _ := g.engineHas(task); c.Container.HostConfig.MemorySwap != 32*mib {
			t.Errorf("memory and swap = %d bytes, want the 32 MiB of memory", c.Container.HostConfig.MemorySwap)
		}
	})
	t.Run("log driver, whatever the daemon's default", func(t *testing.T) {
		task := job("true")
		g.finish(task)
		if c, _ := g.engineHas(task); c.Container.HostConfig.LogConfig.Type != logDriver {
			t.Errorf("log driver = %q, want %q", c.Container.HostConfig.LogConfig.Type, logDriver)
		}
	})
}

// either names two outputs, of cgroup v1 and v2.
func either(a, b string) string { return a + "|" + b }

func matches(got, want string) bool {
	for part := range strings.SplitSeq(want, "|") {
		if strings.Contains(got, part) {
			return true
		}
	}
	return false
}

func TestRun_networkModes(t *testing.T) {
	needEngine(t)
	t.Run(NetworkHost, func(t *testing.T) {
		g := newRig(t, func(o *Options) { o.Network = NetworkHost })
		host, _ := os.Hostname()
		if _, got := g.finish(job("hostname")); got != host+"\n" {
			t.Errorf("hostname inside = %q, want the machine's %q", got, host)
		}
	})
	t.Run(NetworkBridge, func(t *testing.T) {
		g := newRig(t, func(o *Options) { o.Network = "" })
		if _, err := g.api.NetworkInspect(t.Context(), "bridge", client.NetworkInspectOptions{}); err != nil {
			t.Skip("needs an engine with a bridge:", err)
		}
		status, got := g.finish(job("grep host.docker.internal /etc/hosts; cat /etc/hosts; sleep 0.5"))
		if !strings.Contains(got, "host.docker.internal") {
			t.Errorf("/etc/hosts = %q, want the machine's name in it", got)
		}
		if ip := status.Containers[0].IP; ip == "" || !strings.Contains(got, ip) {
			t.Errorf("IP = %q, want one that is in /etc/hosts: %q", ip, got)
		}
	})
	t.Run("another", func(t *testing.T) {
		if _, err := Open(t.Context(), Options{Network: "overlay"}); err == nil {
			t.Error("Open accepted the network mode overlay")
		}
	})
}
