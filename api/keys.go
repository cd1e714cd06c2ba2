package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/packhorse-batch/packhorse/internal/sigv4"
)

// Role is what a key may do.
type Role string

// The roles, each with what the one before it may.
const (
	RoleRead   Role = "read"   // describe and list
	RoleSubmit Role = "submit" // submit, cancel and terminate jobs, register job definitions
	RoleAdmin  Role = "admin"  // everything
)

// Key is an access key of a caller.
type Key struct {
	Secret string
	Role   Role
}

// submits are the operations that change something and that RoleSubmit may call: those
// that workflow managers need beside what they read.
var submits = map[string]bool{
	"SubmitJob": true, "CancelJob": true, "TerminateJob": true,
	"RegisterJobDefinition": true, "DeregisterJobDefinition": true,
}

// reading are what the names of operations begin with that change nothing.
var reading = []string{"Describe", "List", "Get", "Filter"}

// May reports whether a role may call an operation. A role that is none may nothing.
func (r Role) May(operation string) bool {
	reads := slices.ContainsFunc(reading, func(begin string) bool { return strings.HasPrefix(operation, begin) })
	switch r {
	case RoleAdmin:
		return true
	case RoleSubmit:
		return reads || submits[operation]
	case RoleRead:
		return reads
	}
	return false
}

// locked reports whether callers need a key.
func (h *handler) locked() bool { return len(h.Keys) > 0 || h.KeyOf != nil }

// letIn refuses whoever may not call, and notes the role of who may.
func (h *handler) letIn(c *call) error {
	c.role = RoleAdmin
	if !h.locked() {
		return h.foreign(c.r)
	}
	if token, found := eventToken(c); found {
		c.role = RoleSubmit
		return h.checkEventToken(token)
	}
	var failed error
	err := sigv4.Verify(c.r, c.body, func(id string) (string, bool) {
		if secret, ok := h.Keys[id]; ok {
			return secret, true
		}
		if h.KeyOf == nil {
			return "", false
		}
		key, ok, err := h.KeyOf(c.r.Context(), id)
		failed, c.role = err, key.Role
		return key.Secret, ok && err == nil
	}, h.Now())
	if failed != nil {
		return failed // the key may be right: nobody can tell now
	}
	return err
}

// mayCall refuses an operation to a role that may not call it, in the words of AWS.
func (c *call) mayCall(operation string) error { return c.mayCallOf("batch", operation) }

// mayCallOf is mayCall for an operation of another service.
func (c *call) mayCallOf(service, operation string) error {
	if c.role.May(operation) {
		return nil
	}
	return &failure{status: http.StatusForbidden, code: codeDenied,
		message: "User: " + clip(c.access) + " is not authorized to perform: " + service + ":" + operation +
			"; its key has the role " + string(c.role) + ": use a key whose role may, or have one made with packhorse keys create --role"}
}

// KeyOf finds keys that are kept elsewhere.
type KeyOf func(ctx context.Context, id string) (key Key, ok bool, err error)
