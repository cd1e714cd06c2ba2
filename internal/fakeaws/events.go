package fakeaws

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/tidwall/btree"

	"github.com/packhorse-batch/packhorse/internal/fakeaws/shapes"
)

// Event is what EventBridge hands to a target. As JSON it is the event itself, what
// a Lambda function is called with.
type Event struct {
	Version    string          `json:"version"` // always "0"
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"` // "aws.ecs", "aws.ec2"
	Account    string          `json:"account"`
	Time       time.Time       `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// The events that there are.
const (
	TaskStateChange     = "ECS Task State Change"
	AgentStateChange    = "ECS Container Instance State Change"
	SpotWarning         = "EC2 Spot Instance Interruption Warning"
	InstanceStateChange = "EC2 Instance State-change Notification"
)

// Subscribe hands every event from now on to a function, one at a time, in the order
// in which they arrive. The function may call the cloud.
func (c *Cloud) Subscribe(take func(Event)) { c.events.subscribe(take) }

// tell sends an event, as late and as often as the faults ask. With mu held.
func (c *Cloud) tell(source, detailType, resource string, detail any) {
	text, err := shapes.EventJSON(detail)
	if err != nil {
		panic("fakeaws: an event has no form in JSON: " + err.Error()) // details are structs of the SDK
	}
	e := Event{
		Version: "0", ID: c.uuid("event"), DetailType: detailType, Source: source, Account: c.o.Account,
		Time: c.now().UTC().Truncate(time.Second), Region: c.o.Region, Resources: []string{resource}, Detail: text,
	}
	c.made["telling"]++
	subject := fmt.Sprint(c.made["telling"])
	if c.chance(c.faults.EventLost, "event-lost", subject) {
		c.o.Log.Debug("event is lost", "type", detailType, "resource", resource)
		return
	}
	delay := c.o.EventDelay.draw(c.stream("event-delay", subject))
	late := c.faults.LateBy
	if late == (Between{}) {
		late = defaultLateBy
	}
	if c.chance(c.faults.EventDoubled, "event-doubled", subject) {
		c.events.send(e, c.scaled(delay+late.draw(c.stream("event-again", subject))))
	}
	if c.chance(c.faults.EventLate, "event-late", subject) {
		delay += late.draw(c.stream("event-lateness", subject))
	}
	c.events.send(e, c.scaled(delay))
}

// courier carries events that are under way, in real time.
type courier struct {
	mu    sync.Mutex
	way   *btree.BTreeG[parcel]
	sent  int
	take  []func(Event)
	news  chan struct{} // something was sent; holds one
	ended chan struct{}
	close func()
}

type parcel struct {
	at    time.Time
	n     int // parts those of one time
	event Event
}

func newCourier(working *sync.WaitGroup) *courier {
	r := &courier{news: make(chan struct{}, 1), ended: make(chan struct{})}
	r.close = sync.OnceFunc(func() { close(r.ended) })
	r.way = btree.NewBTreeG(func(a, b parcel) bool {
		if !a.at.Equal(b.at) {
			return a.at.Before(b.at)
		}
		return a.n < b.n
	})
	working.Go(r.run)
	return r
}

func (r *courier) subscribe(take func(Event)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take = append(r.take, take)
}

func (r *courier) send(e Event, delay time.Duration) {
	r.mu.Lock()
	r.sent++
	r.way.Set(parcel{time.Now().Add(delay), r.sent, e})
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// run hands over what is due until the courier is closed.
func (r *courier) run() {
	for {
		due, wait := r.next()
		if due != nil {
			due()
			select {
			case <-r.ended:
				return
			default:
				continue
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-r.news:
		case <-r.ended:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// next takes the first event if it is due, or tells how long that is.
func (r *courier) next() (due func(), wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, ok := r.way.Min()
	if !ok {
		return nil, time.Hour
	}
	if wait = time.Until(first.at); wait > 0 {
		return nil, wait
	}
	r.way.Delete(first)
	take := r.take
	return func() {
		for _, t := range take {
			t(first.event)
		}
	}, 0
}
