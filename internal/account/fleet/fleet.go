// Package fleet opens an installation in an AWS account with its hosts and tasks.
package fleet

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/packhorse-batch/packhorse/compute/amazon"
	"github.com/packhorse-batch/packhorse/internal/account"
	"github.com/packhorse-batch/packhorse/store"
)

// Account is an installation that can start hosts and tasks.
type Account struct {
	*account.Account
	Backend *amazon.Backend
}

// Open is account.Open with EC2 and ECS.
func Open(ctx context.Context, s account.Settings, log *slog.Logger) (*Account, error) {
	a, err := account.Open(ctx, s, log)
	if err != nil {
		return nil, err
	}
	return with(a), nil
}

// OpenWith is Open with a configuration of the SDK.
func OpenWith(ctx context.Context, s account.Settings, c aws.Config, log *slog.Logger) (*Account, error) {
	a, err := account.OpenWith(ctx, s, c, log)
	if err != nil {
		return nil, err
	}
	return with(a), nil
}

func with(a *account.Account) *Account {
	f := &Account{Account: a, Backend: amazon.Open(amazon.Options{
		EC2: ec2.NewFromConfig(a.Config), ECS: ecs.NewFromConfig(a.Config), SSM: ssm.NewFromConfig(a.Config),
		Memory: memory{a.Records}, Deployment: a.Settings.Deployment, Region: a.Settings.Account.Region,
		InstanceProfile: a.Settings.InstanceProfile, ExecutionRole: a.Settings.ExecutionRole,
		Now: time.Now, Log: a.Log,
	})}
	f.Renew()
	return f
}

// Renew forgets what the engine remembers. Each invocation of a function begins so: what
// an earlier one saw may be out of date.
func (f *Account) Renew() { f.Wire(f.Backend) }

// memory keeps a backend's notes as records.
type memory struct{ records *store.Records }

// Recall returns what was remembered.
func (m memory) Recall(ctx context.Context, key string) ([]byte, bool, error) {
	note, err := m.records.Note(ctx, key)
	switch {
	case store.IsNotFound(err):
		return nil, false, nil
	case err != nil:
		return nil, false, err
	case !note.Until.IsZero() && !time.Now().Before(note.Until):
		return nil, false, nil
	}
	return note.Value, true, nil
}

// maxTries bounds how often a note is written again because another wrote it.
const maxTries = 10

// Remember overwrites a note.
func (m memory) Remember(ctx context.Context, key string, value []byte, until time.Time) error {
	return m.change(ctx, key, func(note store.Note) store.Op {
		note.Value, note.Until = value, until
		return m.records.PutNote(key, note)
	})
}

// Forget removes a note.
func (m memory) Forget(ctx context.Context, key string) error {
	return m.change(ctx, key, func(note store.Note) store.Op { return m.records.DeleteNote(key, note) })
}

func (m memory) change(ctx context.Context, key string, op func(store.Note) store.Op) error {
	var err error
	for range maxTries {
		note, readErr := m.records.Note(ctx, key)
		if readErr != nil && !store.IsNotFound(readErr) {
			return readErr
		}
		write := op(note)
		if write.Delete && note.Version == 0 {
			return nil
		}
		if err = m.records.Write(ctx, write); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return err
}
