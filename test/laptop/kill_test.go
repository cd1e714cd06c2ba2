//go:build unix

package laptop

import (
	"math/rand/v2"
	"testing"
	"time"
)

// schedule says when a server is killed.
type schedule struct {
	kills int // and orderly ends
	// longest is the most that a server lives; early is the most for every fourth,
	// which is killed while it starts or just after.
	longest, early time.Duration
}

// polite is how many kills come for each time that the server is asked to end.
const polite = 10

// killAgainAndAgain starts the server and kills it, at moments that only the seed
// knows; now and then it is asked to end instead. In the end the server runs.
// It returns how often it was killed.
func (s *server) killAgainAndAgain(plan schedule, draw *rand.Rand) (killed int) {
	s.Helper()
	for n := range plan.kills {
		life := time.Duration(draw.Int64N(int64(plan.longest)))
		if n%4 == 3 {
			life = time.Duration(draw.Int64N(int64(plan.early)))
		}
		p := s.spawn()
		select {
		case <-time.After(life):
			if n%polite == polite/2 && isClosed(p.ready) {
				s.stop()
				continue
			}
			s.kill()
			killed++
		case <-p.exited:
			s.Errorf("start %d: the server ended with %v:\n%s", n, p.state, p.output.tail())
		}
	}
	s.start()
	return killed
}

func TestKill_processes(t *testing.T) {
	// Hosts come and go meanwhile.
	s := closedShop(newServer(t, "--boot-time", "100ms", "--idle-window", "200ms"))
	s.start()
	s.define()
	s.defineSmall()
	l := &load{shop: s, queues: []string{queue, small}, slow: 700 * time.Millisecond, crowd: 40}
	l.survive(schedule{kills: kills(60), longest: 1800 * time.Millisecond, early: 120 * time.Millisecond})
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
	killed := 1 + l.killAgainAndAgain(plan, chance(l.T, "kills"))
	close(stop)
	<-over
	l.Logf("%d kills and %d orderly ends in %v", killed, plan.kills+1-killed, time.Since(begin).Round(time.Second))
	l.audit()
}
