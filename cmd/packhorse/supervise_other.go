//go:build !unix

package main

import (
	"fmt"
	"os"
)

// supervise does not exist here: tasks as plain processes need Unix process groups.
func supervise([]string) (exit int) {
	fmt.Fprintln(os.Stderr, "packhorse: this system cannot run jobs as plain processes")
	return 1
}
