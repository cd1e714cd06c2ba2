package fakeaws

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// Options is what a cloud is like. The zero value is a cloud without faults at the
// pace of the real one.
type Options struct {
	Seed    uint64 // of everything that is left to chance
	Region  string // empty is us-east-1
	Account string // empty is 123456789012
	// Zones are the letters of the zones, one subnet of the default VPC in each;
	// empty is "abc".
	Zones string
	// Catalog has the instance types; nil is catalog.Default.
	Catalog *catalog.Catalog

	// Now stamps what happens and decides what is over: stopped tasks that are
	// forgotten, answers that lag. Nil is time.Now. Boots and notices wait in real
	// time, divided by Speed.
	Now func() time.Time
	// Speed is how much faster than life hosts boot, images are pulled, notices and stop
	// timeouts run out, events and views travel: at 100 a boot of a minute takes 0.6 s.
	// 0 is 1. Commands run as fast as they run.
	Speed float64

	BootTime     Between       // from launch until the agent has joined; zero is 40 s to 90 s
	ShutdownTime Between       // from TerminateInstances to terminated; zero is 10 s to 30 s
	PullTime     Between       // from RunTask until containers start; zero is 1 s to 5 s
	EventDelay   Between       // of every event; zero is 200 ms to 2 s
	SpotNotice   time.Duration // between warning and end; zero is AWS's 2 minutes
	// StoppedFor is how long a stopped task is described before it is MISSING, by
	// Now and not divided by Speed. Zero is ECS's "at least one hour".
	StoppedFor time.Duration

	// LogGroups exist from the beginning, besides /aws/batch/job.
	LogGroups []string
	// Env is in the environment of every container, as "NAME=value", below its own.
	Env []string
	// Pull decides whether an image can be pulled: an error is the reason that the
	// registry gives. It must not call the cloud. Nil: all can.
	Pull func(image string) error

	Faults Faults
	Log    *slog.Logger // nil discards
}

// Between is a duration from Low up to High, equally likely. One with Low above High
// is always Low.
type Between struct{ Low, High time.Duration }

// Exactly is always d.
func Exactly(d time.Duration) Between { return Between{d, d} }

func (b Between) or(low, high time.Duration) Between {
	if b == (Between{}) {
		return Between{low, high}
	}
	return b
}

func (b Between) draw(r *rand.Rand) time.Duration {
	if b.High <= b.Low {
		return b.Low
	}
	return b.Low + time.Duration(r.Int64N(int64(b.High-b.Low)))
}

// What a cloud has where Options do not say.
const (
	defaultRegion  = "us-east-1"
	defaultAccount = "123456789012"
	defaultZones   = "abc"

	spotNotice = 2 * time.Minute // Spot interruption notices, EC2 User Guide
	stoppedFor = time.Hour       // DescribeTasks, ECS API reference
)

func (o Options) complete() Options {
	if o.Region == "" {
		o.Region = defaultRegion
	}
	if o.Account == "" {
		o.Account = defaultAccount
	}
	if o.Zones == "" {
		o.Zones = defaultZones
	}
	if o.Catalog == nil {
		o.Catalog = catalog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Speed <= 0 {
		o.Speed = 1
	}
	o.BootTime = o.BootTime.or(40*time.Second, 90*time.Second)
	o.ShutdownTime = o.ShutdownTime.or(10*time.Second, 30*time.Second)
	o.PullTime = o.PullTime.or(time.Second, 5*time.Second)
	o.EventDelay = o.EventDelay.or(200*time.Millisecond, 2*time.Second)
	if o.SpotNotice == 0 {
		o.SpotNotice = spotNotice
	}
	if o.StoppedFor == 0 {
		o.StoppedFor = stoppedFor
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
