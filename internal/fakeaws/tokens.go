package fakeaws

import "time"

// remembered is what a client token stands for.
type remembered struct {
	parameters string // fingerprint of the request without its token
	answer     any
	at         time.Time
}

// tokenFor is how long a client token is known: 24 hours in ECS ("Ensuring
// idempotency", ECS API reference), and taken to be the same in EC2.
const tokenFor = 24 * time.Hour

// recall looks a token up under a scope ("ec2.CreateFleet", "ecs.RunTask/cluster"):
// whether it is known, and whether with the same parameters. With mu held.
func (c *Cloud) recall(scope, token, parameters string) (r remembered, known, same bool) {
	if token == "" {
		return r, false, false
	}
	r, known = c.tokens[scope+" "+token]
	if known && c.now().Sub(r.at) > tokenFor {
		delete(c.tokens, scope+" "+token)
		return remembered{}, false, false
	}
	return r, known, r.parameters == parameters
}

// remember keeps what a token stands for. With mu held.
func (c *Cloud) remember(scope, token, parameters string, answer any) {
	if token != "" {
		c.tokens[scope+" "+token] = remembered{parameters, answer, c.now()}
	}
}
