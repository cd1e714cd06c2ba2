package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/store"
)

// maxUnjoined is how many hosts in a row may not come before their environment counts as
// INVALID: what keeps three away (no route to ECS, a wrong role or image) keeps all away,
// and each costs money.
const maxUnjoined = 3

// neverJoined reports whether a host that is ended now had its time to come.
func neverJoined(h store.Host, now time.Time) bool {
	return h.State == compute.HostBooting && !now.Before(h.CreatedAt.Time().Add(bootWindow))
}

// noteUnjoined counts a host that never came.
func (e *Engine) noteUnjoined(ctx context.Context, h store.Host) error {
	return e.countUnjoined(ctx, h.Environment, func(env *store.Environment) bool {
		env.Unjoined++
		if env.Unjoined >= maxUnjoined && env.Detail.Status == types.CEStatusValid {
			reason := fmt.Sprintf("CLIENT_ERROR - %d hosts in a row did not join cluster %s within %s of their launch, the last one %s. "+
				"Check that its subnets reach ECS, its security groups, instanceRole and image; then call UpdateComputeEnvironment to try again.",
				env.Unjoined, env.Cluster(), bootWindow, h.Instance)
			env.Detail.Status, env.Detail.StatusReason = types.CEStatusInvalid, &reason
			e.Log.Error("a compute environment is INVALID", "environment", env.Name(), "reason", reason)
		}
		return true
	})
}

// noteJoined ends the count: one that came shows that they can.
func (e *Engine) noteJoined(ctx context.Context, environment string) error {
	env, err := e.Records.ViewEnvironment(ctx, environment)
	if err != nil || env.Unjoined == 0 {
		return ignoreNotFound(err)
	}
	return e.countUnjoined(ctx, environment, func(env *store.Environment) bool {
		changed := env.Unjoined > 0
		env.Unjoined = 0
		return changed
	})
}

// countUnjoined changes an environment as it is now.
func (e *Engine) countUnjoined(ctx context.Context, name string, change func(*store.Environment) bool) error {
	for {
		env, err := e.Records.Environment(ctx, name)
		if err != nil || !change(&env) {
			return ignoreNotFound(err)
		}
		if err := e.Records.Write(ctx, e.Records.PutEnvironment(env)); !store.IsConflict(err) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func ignoreNotFound(err error) error {
	if store.IsNotFound(err) {
		return nil
	}
	return err
}
