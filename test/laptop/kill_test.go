//go:build unix

package laptop

import (
	"math/rand/v2"
	"testing"
	"time"
)

// schedule says when a server is killed.
type schedule struct {
	kills int
	// longest is the most that a server lives; early is the most for every fourth,
	// which is killed while it starts or just after.
	longest, early time.Duration
}

// killAgainAndAgain starts the server and kills it, at moments that only the seed
// knows. In the end the server runs.
func (s *server) killAgainAndAgain(plan schedule, draw *rand.Rand) {
	s.Helper()
	for n := range plan.kills {
		life := time.Duration(draw.Int64N(int64(plan.longest)))
		if n%4 == 3 {
			life = time.Duration(draw.Int64N(int64(plan.early)))
		}
		p := s.spawn()
		select {
		case <-time.After(life):
			s.kill()
		case <-p.exited:
			s.Errorf("start %d: the server ended with %v:\n%s", n, p.state, p.output.tail())
		}
	}
	s.start()
}

func TestKill_processes(t *testing.T) {
	// Hosts come and go meanwhile.
	s := closedShop(newServer(t, "--boot-time", "100ms", "--idle-window", "200ms"))
	s.start()
	s.define()
	s.defineSmall()
	l := &load{shop: s, queues: []string{queue, small}, slow: 700 * time.Millisecond, crowd: 40}
	l.survive(schedule{kills: kills(56), longest: 1800 * time.Millisecond, early: 120 * time.Millisecond})
	s.nothingLeft()
}

// survive runs the load while the server is killed, and audits what became of it.
func (l *load) survive(plan schedule) {
	l.Helper()
	begin := time.Now()
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		l.drive(stop)
	}()
	l.kill()
	l.killAgainAndAgain(plan, chance(l.T, "kills"))
	close(stop)
	<-over
	l.Logf("%d kills in %v", plan.kills+1, time.Since(begin).Round(time.Second))
	l.audit()
}
