//go:build !linux

package logs

func watchFile(string) (changeWaiter, error) { return nil, errNoWatch }
