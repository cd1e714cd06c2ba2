package fakeaws

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Cloud is one region of one account. All methods may be called from many
// goroutines at once.
type Cloud struct {
	o Options

	mu      sync.Mutex
	closed  bool
	changed chan struct{}  // closed and made anew at every change
	made    map[string]int // things made, by kind: where the next id comes from
	faults  Faults
	working sync.WaitGroup // goroutines that outlive a call

	gate   gate
	events *courier
	logs   *logStore
	audit  audit

	network   network
	templates []*template
	instances []*instance // in order of launch
	tokens    map[string]remembered

	clusters    map[string]*cluster // by name
	definitions map[string][]*definition
	parameters  map[string]*parameter
}

// New starts a cloud. Close it to end its processes.
func New(o Options) *Cloud {
	o = o.complete()
	c := &Cloud{
		o: o, faults: o.Faults, changed: make(chan struct{}), made: map[string]int{},
		tokens: map[string]remembered{}, clusters: map[string]*cluster{}, definitions: map[string][]*definition{},
		parameters: map[string]*parameter{},
		gate:       newGate(), logs: newLogStore(append([]string{defaultLogGroup}, o.LogGroups...)),
	}
	c.events = newCourier(&c.working)
	c.network = c.newNetwork()
	c.publicParameters()
	return c
}

// Close kills every process that runs and waits for them and for the events that
// are being handed over. Calls fail afterwards.
func (c *Cloud) Close() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		for _, t := range c.allTasks() {
			t.kill()
		}
		c.change()
	}
	c.mu.Unlock()
	c.events.close()
	c.working.Wait()
}

// SetFaults replaces the faults from now on. What fails once fails once more, and which
// capacity is short by chance is drawn anew.
func (c *Cloud) SetFaults(f Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = f
	c.made["faults"]++
	c.gate.forget()
}

// Region is where the cloud is.
func (c *Cloud) Region() string { return c.o.Region }

// Account is the number of its account.
func (c *Cloud) Account() string { return c.o.Account }

// Until waits until a condition holds, looking at every change of the cloud, and
// returns ctx's error if that ends first. The condition may call the cloud.
func (c *Cloud) Until(ctx context.Context, condition func() bool) error {
	// Views that lag change without anything happening.
	const look = 20 * time.Millisecond
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// change wakes whoever waits in Until. With mu held.
func (c *Cloud) change() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// now is the time as AWS tells it, in whole milliseconds.
func (c *Cloud) now() time.Time { return c.o.Now().UTC().Truncate(time.Millisecond) }

// scaled is how long d takes at this cloud's speed.
func (c *Cloud) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) / c.o.Speed) }

// after does something later, with mu held, unless the cloud is closed by then.
func (c *Cloud) after(d time.Duration, do func()) {
	time.AfterFunc(c.scaled(d), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.closed {
			do()
		}
	})
}

// lag draws when a change of a subject is seen. With mu held.
func (c *Cloud) lag(subject string) time.Time {
	now := c.now()
	if c.faults.Lag == (Between{}) {
		return now
	}
	c.made["lag"]++
	return now.Add(c.scaled(c.faults.Lag.draw(c.stream("lag", fmt.Sprint(subject, c.made["lag"])))))
}

// arn makes the name of a resource, such as "task/cluster/id".
func (c *Cloud) arn(service string, resource ...string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, c.o.Region, c.o.Account, strings.Join(resource, "/"))
}
