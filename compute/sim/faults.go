package sim

import (
	"math/rand/v2"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// faultStreams are the streams of chance behind Faults, one per purpose, drawn
// from in the order of calls and news.
type faultStreams struct {
	callFails, answerLost           coin
	newsLost, newsDoubled, newsLate coin
	late                            *rand.Rand
}

func newFaultStreams(seed uint64) faultStreams {
	stream := func(purpose string) *rand.Rand {
		return rand.New(rand.NewPCG(seed, fnv1a(fnvOffset, purpose)))
	}
	return faultStreams{
		callFails:   coin{stream("call-fails")},
		answerLost:  coin{stream("answer-lost")},
		newsLost:    coin{stream("news-lost")},
		newsDoubled: coin{stream("news-doubled")},
		newsLate:    coin{stream("news-late")},
		late:        stream("lateness"),
	}
}

// coin decides how often something goes wrong.
type coin struct{ rand *rand.Rand }

// hit reports whether it goes wrong this time, which it does with the given
// probability. At 0 nothing is drawn.
func (c coin) hit(probability float64) bool {
	return probability > 0 && c.rand.Float64() < probability
}

// defaultLate is how late news comes when Faults.Late is nil.
var defaultLate = Uniform(0, 30*time.Second)

// tell makes news of what happened at the given time, with mu held, as late and
// as often as the faults ask.
func (b *Backend) tell(at time.Time, news compute.News) {
	f := &b.cfg.Faults
	if b.faults.newsLost.hit(f.NewsLost) {
		return
	}
	if b.faults.newsDoubled.hit(f.NewsDoubled) {
		b.tellLater(at, news)
	}
	if b.faults.newsLate.hit(f.NewsLate) {
		b.tellLater(at, news)
		return
	}
	b.keep(news)
}

func (b *Backend) tellLater(at time.Time, news compute.News) {
	late := b.cfg.Faults.Late
	if late == nil {
		late = defaultLate
	}
	b.schedule(event{at: at.Add(max(0, late(b.faults.late))), kind: newsArrives, news: news})
}
