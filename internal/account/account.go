package account

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/internal/account/book"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// OrderingLag is how far DynamoDB's indexes may be behind: usually well under a second, but
// nothing is promised (DynamoDB developer guide, "Global secondary indexes").
const OrderingLag = 30 * time.Second

// RecentFor is how long a door keeps what submissions look at: queues, definitions,
// environments. One process of the function api may be so far behind another.
const RecentFor = 500 * time.Millisecond

// Account is an installation in an AWS account, as one invocation of a function or one
// server sees it.
type Account struct {
	*home.Home
	Settings Settings
	Config   aws.Config
	Table    *dynamo.Table
	Log      *slog.Logger
	// Prices are those of the account's region. They outlast Wire.
	Prices *book.Shelf
	keys   *Keys
	logs   *Logs
}

// Open connects to what is kept in the account. What it makes answers people; nothing
// that it is asked for starts a host or a task (see package fleet). It fails when the
// table cannot be read.
func Open(ctx context.Context, s Settings, log *slog.Logger) (*Account, error) {
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.Account.Region))
	if err != nil {
		return nil, err
	}
	return OpenWith(ctx, s, c, log)
}

// OpenWith is Open with a configuration of the SDK.
func OpenWith(ctx context.Context, s Settings, c aws.Config, log *slog.Logger) (*Account, error) {
	a := &Account{Settings: s, Config: c, Log: log}
	var err error
	if a.Table, err = dynamo.Open(ctx, dynamo.Options{Client: dynamodb.NewFromConfig(c), Table: s.Table}); err != nil {
		return nil, err
	}
	a.Prices = &book.Shelf{Records: store.New(a.Table, store.Options{}), Region: s.Account.Region, Now: time.Now, Log: log}
	a.keys = &Keys{Client: ssm.NewFromConfig(c), Path: s.Keys, Now: time.Now}
	a.logs = &Logs{Client: cloudwatchlogs.NewFromConfig(c), Named: s.LogGroups}
	a.Wire(Elsewhere{})
	return a, nil
}

// Wire makes the engine anew over a backend of compute, so that it remembers nothing of
// what an earlier invocation saw.
func (a *Account) Wire(backend compute.Backend) {
	a.Home = home.New(home.Parts{
		Table: a.Table, Compute: backend, Account: a.Settings.Account, Now: time.Now,
		IdleWindow: a.Settings.IdleWindow, OrderingLag: OrderingLag, RecentFor: RecentFor, ECS: true, Market: a.Prices.Market, Log: a.Log,
	})
}

// Handler is the door: AWS Batch's operations, for callers with a key of the
// installation, and the logs of jobs. AWS itself answers for tasks and instances.
func (a *Account) Handler() http.Handler {
	return a.door(api.Config{KeyOf: a.keys.Key})
}

// Door is Handler for a server with keys of its own, secrets by id; without any it is for
// this machine only.
func (a *Account) Door(keys map[string]string) http.Handler { return a.door(api.Config{Keys: keys}) }

func (a *Account) door(c api.Config) http.Handler {
	c.Service, c.Triggers, c.Logs, c.Types, c.Account = a.Home, a.Triggers, a.logs, catalog.Default(), a.Settings.Account
	c.Explain, c.Log = home.Explain, a.Log
	return api.New(c)
}
