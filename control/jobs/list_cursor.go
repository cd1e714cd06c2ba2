package jobs

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// place is a position in a listing of a queue: behind the job of that id created
// at that moment. The zero value is the beginning.
type place struct {
	Created batch.Millis `json:"c,omitempty"`
	ID      string       `json:"i,omitempty"`
	// Index is the position in a listing of children.
	Index int `json:"x,omitempty"`
}

// position reads a nextToken.
func position(token *string) (place, error) {
	var p place
	if deref(token) == "" {
		return p, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(*token)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil || p.Created < 0 || p.Index < 0 {
		return p, &batch.Error{Code: batch.CodeInvalid, Message: "nextToken is not valid.",
			Next: "pass the token of the page before, with the same other members"}
	}
	return p, nil
}

func (p place) token() *string {
	data, _ := json.Marshal(p) // two numbers and a string: cannot fail
	return new(base64.RawURLEncoding.EncodeToString(data))
}

// cursor walks through the jobs of a queue in several phases, newest first.
type cursor struct {
	jobs   *Jobs
	queue  string
	phases []store.Phase
	at     place
	oldest batch.Millis // createdAt >= oldest; 0 is open
	loaded []phasePage
}

type phasePage struct {
	jobs []batch.Job
	done bool
}

// cursorPage is how many jobs of a phase are read at a time.
const cursorPage = 200

// fill makes sure that each phase has a job at hand or is done.
func (c *cursor) fill(ctx context.Context) error {
	if c.loaded == nil {
		c.loaded = make([]phasePage, len(c.phases))
	}
	for i := range c.loaded {
		p := &c.loaded[i]
		for len(p.jobs) == 0 && !p.done {
			page, err := c.jobs.Records.ListJobs(ctx, c.queue, c.phases[i], store.ListRange{
				From: c.oldest, Before: c.at.Created, BeforeID: c.at.ID, Limit: cursorPage,
			})
			if err != nil {
				return err
			}
			// The next page is read from the position, which moves with each job: all
			// that this phase has behind it is still to come.
			p.jobs, p.done = page.Jobs, page.Next == ""
		}
	}
	return nil
}

// newest returns the phase whose next job is the newest, -1 when none is left.
func (c *cursor) newest() int {
	best := -1
	for i := range c.loaded {
		p := &c.loaded[i]
		if len(p.jobs) > 0 && (best < 0 || newer(p.jobs[0], c.loaded[best].jobs[0])) {
			best = i
		}
	}
	return best
}

func newer(a, b batch.Job) bool {
	if a.CreatedAt != b.CreatedAt {
		return a.CreatedAt > b.CreatedAt
	}
	return a.ID > b.ID
}

// next returns the next job.
func (c *cursor) next(ctx context.Context) (batch.Job, bool, error) {
	if err := c.fill(ctx); err != nil {
		return batch.Job{}, false, err
	}
	best := c.newest()
	if best < 0 {
		return batch.Job{}, false, nil
	}
	p := &c.loaded[best]
	j := p.jobs[0]
	p.jobs = p.jobs[1:]
	c.at = place{Created: j.CreatedAt, ID: j.ID}
	return j, true, nil
}

// more reports whether another job follows.
func (c *cursor) more(ctx context.Context) (bool, error) {
	err := c.fill(ctx)
	return c.newest() >= 0, err
}

func (c *cursor) token() *string { return c.at.token() }
