//go:build unix

package supervisor

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/packhorse-batch/packhorse/logs/logfile"
)

// The life of a container.
const (
	waiting = iota // for what it depends on
	started
	ended
)

// container is one command, its process and its output.
type container struct {
	*Container
	number int
	state  int
	ran    bool // it got as far as running
	code   *int32

	pid    int
	exit   syscall.WaitStatus // set by its waiter before it is sent to exits
	killAt time.Time          // when SIGKILL follows SIGTERM; zero while it may run

	output  []*os.File // what is left of the pipes to read
	log     *logfile.Writer
	copying sync.WaitGroup
	lost    lost
}

// start runs the command. Its error is a container reason as ECS words it.
func (s *supervisor) start(c *container) error {
	if len(c.Command) == 0 {
		return fmt.Errorf("CannotStartContainerError: container %q has no command, and the image's own is not known without Docker: give the job a command", c.Name)
	}
	work := s.dir + "/" + WorkDir
	program, err := lookPath(c.Command[0], c.Env, work)
	if err != nil {
		return fmt.Errorf("CannotStartContainerError: exec: %w: install it on this machine, or run the server with Docker to use image %s", err, c.Image)
	}
	if c.LogGroup != "" {
		if c.log, err = logfile.Open(s.spec.Logs, c.LogGroup, c.LogStream); err != nil {
			return fmt.Errorf("CannotStartContainerError: %w", err)
		}
	}
	out, outWrite, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("CannotStartContainerError: pipe: %w", err)
	}
	fault, faultWrite, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("CannotStartContainerError: pipe: %w", err)
	}
	pidFD := -1
	c.pid, err = syscall.ForkExec(program, c.Command, &syscall.ProcAttr{
		Dir:   work,
		Env:   append(c.Env[:len(c.Env):len(c.Env)], MarkEnv+"="+c.mark(s.spec.Mark)),
		Files: []uintptr{s.null.Fd(), outWrite.Fd(), faultWrite.Fd()},
		Sys:   childAttributes(&pidFD),
	})
	outWrite.Close()
	faultWrite.Close()
	if err != nil {
		out.Close()
		fault.Close()
		c.closeLog()
		return fmt.Errorf("CannotStartContainerError: exec %s: %w", program, err)
	}
	_ = Append(s.journal, Record{Pid: c.pid}) // for systems that have no Survivors
	c.state, c.ran = started, true
	c.output = []*os.File{out, fault}
	for _, from := range c.output {
		c.copying.Go(func() { c.lost.add(copyLines(from, c.log)) })
	}
	go func() {
		c.exit = awaitExit(c.pid, pidFD)
		s.exits <- c
	}()
	return nil
}

// mark is what the processes of this container alone have in MarkEnv.
func (c *container) mark(task string) string { return task + "/" + strconv.Itoa(c.number) }

func (c *container) closeLog() {
	if c.log != nil {
		c.log.Close()
	}
}

// lookPath finds a program as a shell would: by PATH of env, unless the name has
// a slash; relative paths are relative to dir.
func lookPath(name string, env []string, dir string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(name, name, dir)
	}
	path := ""
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "PATH="); ok {
			path = value
		}
	}
	for _, part := range strings.Split(path, ":") {
		if part == "" {
			part = "."
		}
		if file := part + "/" + name; executable(name, file, dir) == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("%q: executable file not found in $PATH (%s)", name, path)
}

func executable(name, file, dir string) error {
	if !strings.HasPrefix(file, "/") {
		file = dir + "/" + file
	}
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return fmt.Errorf("%q: no such file or directory", name)
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fmt.Errorf("%q: permission denied", name)
	}
	return nil
}

// exitCode is what Docker reports: 128 and the signal for a process that one ended.
func exitCode(status syscall.WaitStatus) int32 {
	if status.Signaled() {
		return 128 + int32(status.Signal())
	}
	return int32(status.ExitStatus())
}
