package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/packhorse-batch/packhorse/compute"
)

// Names of container errors as ECS reports them; clients match these
// (github.com/aws/amazon-ecs-agent, agent/engine/errors.go).
const (
	cannotPull   = "CannotPullContainerError"
	cannotCreate = "CannotCreateContainerError"
	cannotStart  = "CannotStartContainerError"
	dockerTime   = "DockerTimeoutError"

	outOfMemory = "OutOfMemoryError: Container killed due to memory usage"
)

// What a stopped task says, in ECS's words.
const (
	reasonEssential = "Essential container in task exited"
	reasonFailed    = "Task failed to start"
	reasonUser      = "Task stopped by user"
	reasonRemoved   = "The container was removed from the Docker Engine while its task ran"
	reasonRestarted = "The Docker Engine stopped while the container ran"
	reasonHalfway   = "The Docker Engine stopped while the container was being started"
)

// unreachable tells an engine that did not answer from one that refused. Only the
// former is tried again.
func unreachable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var netErr net.Error
	return client.IsErrConnectionFailed(err) || cerrdefs.IsUnavailable(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &netErr)
}

// undelivered reports whether a call that got no answer never reached the engine.
func undelivered(err error) bool {
	var op *net.OpError
	broken := errors.As(err, &op) && op.Op != "dial"
	return unreachable(err) && !broken && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// unavailable is the answer while no engine is there.
func unavailable(host string, err error) error {
	return fmt.Errorf("%w: no Docker Engine answers at %s (%s); start Docker, or name another engine in DOCKER_HOST",
		compute.ErrUnavailable, host, firstLine(err))
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// noSuchImage reports whether creating failed for want of the image. It is only a
// first guess, since other things a container names can be missing too.
func noSuchImage(err error) bool {
	return cerrdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such image")
}

// badImageName reports whether the engine could not read the image's name, which
// ECS reports as a failed pull.
func badImageName(err error) bool { return strings.Contains(err.Error(), "invalid reference format") }
