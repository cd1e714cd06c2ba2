//go:build unix

package main

import "github.com/packhorse-batch/packhorse/compute/local/process"

func supervise(args []string) (exit int) { return process.Supervise(args) }
