//go:build !unix

package fakeaws

import "errors"

// process is what this system does not have: groups of processes that end together.
type process struct{}

func startProcess(_, _ []string, _ string, _ func(line string)) (*process, error) {
	return nil, errors.New("the fake cloud runs commands on Unix only")
}

func (p *process) wait() int32 { return -1 }
func (p *process) terminate()  {}
func (p *process) kill()       {}
