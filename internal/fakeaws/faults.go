package fakeaws

import "time"

// Faults is what goes wrong, and how often. Probabilities are from 0 to 1.
type Faults struct {
	// FailOnce lets calls fail in an order that is the same in every run.
	FailOnce FailOnce
	// CallFails is the probability that a call fails and does nothing, AnswerLost
	// that it does its work and fails all the same.
	CallFails, AnswerLost float64
	// Throttle bounds the calls of an operation ("ec2.CreateFleet"), of a service
	// ("ecs.*") or, with "*", of each operation that has no bound of its own.
	Throttle map[string]Rate

	// Shortages are kinds of capacity that cannot be had.
	Shortages []Shortage
	// ShortageChance is the probability of each (type, zone, market) to be one that
	// cannot be had, for as long as this Faults holds.
	ShortageChance float64
	// VCPULimit bounds the vCPUs of all instances of a market at once, as an
	// account's quota does; 0 is no bound.
	VCPULimit int

	// NeverJoins is the probability that an instance runs, and its agent never joins.
	NeverJoins float64
	// Interrupted is the probability that a Spot instance or a Fargate Spot task is
	// taken back; InterruptedAfter is when, after its launch. Divided by Speed.
	Interrupted      float64
	InterruptedAfter Between

	// What can happen to an event. A late one comes LateBy after the others (zero: 5 s
	// to 60 s), and so out of order; a second copy comes that late too.
	EventLost, EventDoubled, EventLate float64
	LateBy                             Between
	// Lag is how far the answers of Describe and List calls are behind: each change of
	// an instance, a container instance or a task is seen that much later. Zero: at once.
	// Divided by Speed, as all times here.
	Lag Between
}

// FailOnce lets the first call of a kind fail before it did anything, the second
// after it did everything, and all later ones go through.
type FailOnce int

// What a kind of call is for FailOnce.
const (
	FailNever     FailOnce = iota
	FailOperation          // all calls of an operation
	FailCall               // calls of an operation with the same parameters
)

// Rate bounds calls: so many at once, refilled so many per second. It is real time.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Shortage is capacity that cannot be had, or not beyond a number; an empty member stands for all. Type may
// be "FARGATE", and end in * ("m5.*").
type Shortage struct {
	Type   string
	Zone   string // "us-east-1a"
	Market string // "spot" or "on-demand"
	// Left is how many of that kind there are: that many may be alive at once.
	Left  int
	Until time.Time // by Options.Now; zero is for ever
}

var defaultLateBy = Between{5 * time.Second, 60 * time.Second}
