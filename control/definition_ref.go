package control

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// definitionRef is a reference to a job definition taken apart. Revision is 0 when
// the reference names none.
type definitionRef struct {
	Name     string
	Revision int32
}

// readDefinitionRef reads "name", "name:revision" or an ARN of either.
func readDefinitionRef(ref string) (definitionRef, error) {
	name, revision, numbered := strings.Cut(batch.NameOf(KindDefinition, ref), ":")
	if !namePattern.MatchString(name) {
		return definitionRef{}, badDefinitionRef(ref)
	}
	if !numbered {
		return definitionRef{Name: name}, nil
	}
	n, err := strconv.ParseInt(revision, 10, 32)
	if err != nil || n < 1 {
		return definitionRef{}, badDefinitionRef(ref)
	}
	return definitionRef{name, int32(n)}, nil
}

func badDefinitionRef(ref string) error {
	return refuse(fmt.Sprintf("Provided name %s is not supported pattern[a-zA-Z_0-9-]{1,128}", ref),
		"name a job definition as name:revision, with a number, or by its ARN")
}

// definitionByRef returns the revision that a reference names.
func (c *Control) definitionByRef(ctx context.Context, ref string) (store.Definition, error) {
	r, err := readDefinitionRef(ref)
	if err != nil {
		return store.Definition{}, err
	}
	if r.Revision == 0 {
		return store.Definition{}, refuse("JobDefinition "+ref+" has no revision.", "name it as "+r.Name+":<revision> or by its ARN")
	}
	found, err := c.cfg.Records.Definition(ctx, r.Name, r.Revision)
	if store.IsNotFound(err) {
		err = &batch.Error{
			Code:    batch.CodeNotFound,
			Message: fmt.Sprintf("JobDefinition %s not found.", c.arn(KindDefinition, fmt.Sprintf("%s:%d", r.Name, r.Revision))),
			Next:    "register it with RegisterJobDefinition, or see DescribeJobDefinitions for those that exist",
		}
	}
	return found, err
}
