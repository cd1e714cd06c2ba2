package amazon

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// Calls fail, before or after their effect, lists lag behind, and every call comes from a
// new process that knows nothing but the records: still each host is launched once and
// each task runs once.
func TestNothingIsDoneTwiceInAStorm(t *testing.T) {
	seeds := 4
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			p := newPlace(t, func(o *fakeaws.Options) { o.Seed = uint64(seed) })
			p.cloud.SetFaults(fakeaws.Faults{CallFails: 0.1, AnswerLost: 0.1, Lag: fakeaws.Between{High: 30 * time.Second}})
			const hosts, tasks = 3, 24
			var calls sync.WaitGroup
			for n := range hosts {
				calls.Go(func() {
					p.insist(t, "Launch", func(b *Backend) error {
						_, err := b.Launch(t.Context(), request(fmt.Sprintf("h-%d", n)))
						return err
					})
				})
			}
			calls.Wait()
			for n := range tasks {
				calls.Go(func() {
					p.insist(t, "Run", func(b *Backend) error {
						return b.Run(t.Context(), hostTask(n, fmt.Sprintf("h-%d", n%hosts), asIs))
					})
				})
			}
			calls.Wait()
			for n := range tasks {
				p.insist(t, "ListTasks", func(b *Backend) error { return p.ended(t, b, fmt.Sprintf("%032x", n)) })
			}
			if got := p.cloud.Launched(); got != hosts {
				t.Errorf("%d instances were launched, want %d", got, hosts)
			}
			if twice, runs := p.cloud.StartedTwice(), p.cloud.Runs(); len(twice) > 0 || len(runs) != tasks {
				t.Errorf("%d containers were started, twice: %v; want %d", len(runs), twice, tasks)
			}
			for n := range hosts {
				p.insist(t, "Terminate", func(b *Backend) error { return b.Terminate(t.Context(), fmt.Sprintf("h-%d", n)) })
			}
			if err := p.cloud.Until(t.Context(), func() bool { return len(p.cloud.Alive()) == 0 }); err != nil {
				t.Errorf("%v are left", p.cloud.Alive())
			}
		})
	}
}

// errLater says that something is not so far yet.
var errLater = errors.New("not yet")

// ended returns errLater until a task is listed as STOPPED.
func (p *place) ended(t *testing.T, b *Backend, id string) error {
	list, err := b.ListTasks(t.Context())
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.ID == id && s.State == compute.TaskStopped {
			return nil
		}
	}
	return errLater
}

// insist calls again, each time in a new process, until it goes well.
func (p *place) insist(t *testing.T, what string, call func(*Backend) error) {
	err := p.cloud.Until(t.Context(), func() bool {
		err := call(p.open())
		if err != nil && !errors.Is(err, compute.ErrUnavailable) && !errors.Is(err, compute.ErrNoRoom) && !errors.Is(err, errLater) {
			t.Errorf("%s() = %v, want no error or one that says to try again", what, err)
			return true
		}
		return err == nil
	})
	if err != nil {
		t.Errorf("%s did not go well in time: %v", what, err)
	}
}
