//go:build !linux

package runner

import "os/exec"

func endWithUs(*exec.Cmd) {}
