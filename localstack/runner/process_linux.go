package runner

import (
	"os/exec"
	"syscall"
)

// endWithUs lets a function's process end with this one, however that ends.
func endWithUs(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
