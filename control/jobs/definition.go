package jobs

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/store"
)

// definition finds the definition that a submission names: "name", the latest
// active revision of it, "name:revision", or either as an ARN.
func (s *Jobs) definition(ctx context.Context, ref string) (*types.JobDefinition, error) {
	if ref == "" {
		return nil, batch.Invalid("jobDefinition must be specified.")
	}
	name, revision, err := SplitDefinition(ref)
	if err != nil {
		return nil, err
	}
	if revision == 0 {
		return s.latest(ctx, ref, name)
	}
	d, err := s.Records.RecentDefinition(ctx, name, revision)
	if err != nil && !store.IsNotFound(err) {
		return nil, err
	}
	if err != nil || !d.Active() {
		return nil, inactive(ref)
	}
	return &d.Detail, nil
}

func inactive(ref string) error {
	e := batch.NotFound("JobDefinition name %s does not exist or is not in ACTIVE status", ref)
	if strings.HasPrefix(ref, "arn:") {
		e = batch.NotFound("JobDefinition %s not found.", ref)
	}
	e.Next = "register it with RegisterJobDefinition"
	return e
}

func (s *Jobs) latest(ctx context.Context, ref, name string) (*types.JobDefinition, error) {
	d, err := s.Records.RecentLatest(ctx, name)
	if store.IsNotFound(err) {
		return nil, inactive(ref)
	}
	return &d.Detail, err
}

// SplitDefinition takes a reference to a definition apart. revision is 0 when it
// names none.
func SplitDefinition(ref string) (name string, revision int32, err error) {
	name, number, found := strings.Cut(batch.NameOf("job-definition", ref), ":")
	if !namePattern(name) {
		return "", 0, batch.Invalid("Provided name %s is not supported pattern[a-zA-Z_0-9-]{1,128}", name)
	}
	if !found {
		return name, 0, nil
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 1 {
		return "", 0, batch.Invalid("Provided name %s:%s is not supported pattern[a-zA-Z_0-9-]{1,128}", name, number)
	}
	return name, int32(n), nil
}

func namePattern(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	return strings.IndexFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && !(r >= '0' && r <= '9') && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z')
	}) < 0
}

// revision returns the definition that a job was submitted with, ACTIVE or not.
func (s *Jobs) revision(ctx context.Context, nameRevision string) (*types.JobDefinition, error) {
	name, revision, err := SplitDefinition(nameRevision)
	if err != nil {
		return nil, err
	}
	d, err := s.Records.ViewDefinition(ctx, name, revision)
	if err != nil {
		return nil, fmt.Errorf("job definition %s: %w", nameRevision, err)
	}
	return &d.Detail, nil
}
