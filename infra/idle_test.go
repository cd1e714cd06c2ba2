package infra

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/account"
	"github.com/packhorse-batch/packhorse/internal/account/fleet"
	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// counting counts calls by operation as they go over the wire.
type counting struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counting) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	if target := r.Header.Get("X-Amz-Target"); strings.HasPrefix(target, "DynamoDB") {
		c.calls[target[strings.IndexByte(target, '.')+1:]]++
	}
	c.mu.Unlock()
	return http.DefaultClient.Do(r)
}

// What a deployment without jobs asks of its table in a minute. A read of a few small
// items costs at most a unit, a write of one small item one, so the calls bound the
// cost: docs/aws.md reckons with these bounds.
func TestADeploymentThatDoesNothingCostsNextToNothing(t *testing.T) {
	const mostReads, mostWrites = 30, 8
	endpoint := peers.Moto(t)
	count := &counting{calls: map[string]int{}}
	cfg := aws.Config{
		Region: "eu-west-3", BaseEndpoint: &endpoint, HTTPClient: count,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	if err := dynamo.Create(t.Context(), dynamodb.NewFromConfig(cfg), "idle", dynamo.Orderings()); err != nil {
		t.Fatal(err)
	}
	a, err := fleet.OpenWith(t.Context(), account.Settings{
		Table: "idle", Deployment: "idle", Account: batch.Account{ID: "123456789012", Region: cfg.Region},
	}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	minute := func() {
		a.Renew() // the function pass
		ran, err := a.Engine.Alone(t.Context(), "all", "test", time.Minute, func(context.Context) error {
			_, err := a.Engine.Once(t.Context())
			return err
		})
		if err != nil || !ran {
			t.Fatalf("pass: %t, %v", ran, err)
		}
		a.Renew() // the function sweep
		a.Engine.Sweep(t.Context())
		if _, err := a.Engine.Once(t.Context()); err != nil {
			t.Fatalf("sweep: %v", err)
		}
	}
	minute() // the first makes what is then there
	clear(count.calls)
	minute()
	t.Logf("calls in an idle minute: %v", count.calls)
	reads, writes := 0, 0
	for operation, n := range count.calls {
		switch operation {
		case "GetItem", "BatchGetItem", "Query":
			reads += n
		default:
			writes += n
		}
	}
	if reads > mostReads || writes > mostWrites || reads == 0 {
		t.Errorf("an idle minute has %d reads and %d writes, want up to %d and %d: %v", reads, writes, mostReads, mostWrites, count.calls)
	}
}
