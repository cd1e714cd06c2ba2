//go:build unix

package fakeaws

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unicode/utf8"
)

// process is a command that runs as the leader of a group of its own, which ends with
// it as a container's processes end with the first one.
type process struct {
	cmd  *exec.Cmd
	read chan struct{} // closed when all output was taken
}

// maxLine is how long an event of awslogs may be; a longer line is cut into several.
const maxLine = 256 << 10 // bytes, CloudWatch Logs quotas

// startProcess starts a command with exactly this environment, in a folder or, if it
// is empty or not there, in the one for temporary files. take gets each line of its
// output, stdout and stderr as they come, without the newline.
func startProcess(argv, env []string, dir string, take func(line string)) (*process, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("executable file not found in $PATH")
		}
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = os.TempDir()
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: &exec.Cmd{
		Path: path, Args: argv, Env: env, Dir: dir, Stdout: w, Stderr: w, SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}, read: make(chan struct{})}
	err = p.cmd.Start()
	_ = w.Close() // the process has its own
	if err != nil {
		_ = r.Close() // nothing was written
		return nil, err
	}
	go func() {
		defer close(p.read)
		defer r.Close()
		takeLines(r, take)
	}()
	return p, nil
}

func takeLines(r io.Reader, take func(line string)) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if text := strings.TrimSuffix(string(line), "\n"); len(line) > 0 {
			if !utf8.ValidString(text) {
				text = strings.ToValidUTF8(text, "\uFFFD")
			}
			take(text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// wait returns the exit code when the process has ended and its output was taken:
// 128 and the signal for one that a signal ended, as Docker tells it.
func (p *process) wait() int32 {
	state, err := p.cmd.Process.Wait()
	p.kill() // what it left behind, which would hold the output open
	<-p.read
	if err != nil {
		return -1
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int32(status.Signal())
	}
	return int32(state.ExitCode())
}

func (p *process) terminate() { p.signal(syscall.SIGTERM) }
func (p *process) kill()      { p.signal(syscall.SIGKILL) }

// signal reaches the whole group; one that has ended is no error.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, s) }
