package amazon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// Memory keeps what must outlive a Backend. Keys are made of printable ASCII and at
// most a few hundred characters long, values are JSON of at most some ten KB.
type Memory interface {
	// Recall returns what was remembered under a key, unless its time is over.
	Recall(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Remember keeps a value until a moment, or for ever if that is zero. It
	// overwrites.
	Remember(ctx context.Context, key string, value []byte, until time.Time) error
	// Forget removes a key; one that is unknown is no error.
	Forget(ctx context.Context, key string) error
}

// How long things are remembered.
const (
	// launchFor outlives every repetition of a launch: the engine gives a host up that
	// is not ready after minutes.
	launchFor = 24 * time.Hour
	// taskFor outlives most tasks. One that runs longer is found by its startedBy.
	taskFor = 7 * 24 * time.Hour
	// definitionFor bounds what a definition that nobody runs any more costs.
	definitionFor = 90 * 24 * time.Hour
	// templateFor is how old the image of new hosts may be: ECS publishes new ones every
	// week or two, and "$Latest" of a launch template may change.
	templateFor = 24 * time.Hour
	// clusterFor is how long a cluster is taken to be there without asking.
	clusterFor = 24 * time.Hour
	// networkFor is how long subnets are taken to be as they were.
	networkFor = 24 * time.Hour
	// endingFor is longer than ECS shows what became of the tasks of a host that ends.
	endingFor = 2 * time.Hour
)

// recall returns what was remembered under a key, if it is a T.
func recall[T any](ctx context.Context, m Memory, key string) (value T, ok bool, err error) {
	data, ok, err := m.Recall(ctx, key)
	switch {
	case err != nil:
		return value, false, fmt.Errorf("%w: recalling %s: %w", compute.ErrUnavailable, key, err)
	case !ok:
		return value, false, nil
	}
	if fits := json.Unmarshal(data, &value) == nil; !fits {
		var zero T
		return zero, false, nil // of another version: it is made anew
	}
	return value, true, nil
}

func remember[T any](ctx context.Context, m Memory, key string, value T, until time.Time) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("remembering %s: %w", key, err)
	}
	if err := m.Remember(ctx, key, data, until); err != nil {
		return fmt.Errorf("%w: remembering %s: %w", compute.ErrUnavailable, key, err)
	}
	return nil
}
