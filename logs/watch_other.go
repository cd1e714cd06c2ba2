//go:build !linux

package logs

import "errors"

// errNoWatch says that the system tells of no changes.
var errNoWatch = errors.New("no file notification here")

func watchFile(string) (changeWaiter, error) { return nil, errNoWatch }
