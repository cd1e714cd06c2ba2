package functions

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/localstack/runner"
	"github.com/packhorse-batch/packhorse/localstack/stage"
)

// scene is an installation without an account.
type scene struct {
	testing.TB
	*stage.Stage
	url    string     // of the door
	config aws.Config // of those who may everything
}

const region = stage.Region

// keys are those of the scene beside the admin's.
var keys = map[string]string{
	"PHKREADER": `{"secret":"reader-secret","role":"read"}`,
	"PHKBROKEN": `no JSON`,
}

// newScene opens an installation that answers, without EC2 and ECS, unless change gives
// it some.
func newScene(t testing.TB, change ...func(*stage.Options)) *scene {
	t.Helper()
	o := stage.Options{DynamoDB: peers.DynamoDBLocal(t), Binaries: binaries(t), Keys: keys, Output: logged{t}}
	for _, c := range change {
		c(&o)
	}
	s, err := stage.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return &scene{TB: t, Stage: s, url: s.URL, config: aws.Config{
		Region: region, Credentials: credentials.NewStaticCredentialsProvider(stage.AdminID, stage.AdminSecret, ""),
	}}
}

// logged puts what functions print into the test's log.
type logged struct{ testing.TB }

func (l logged) Write(b []byte) (int, error) {
	// After its end a test may log nothing. The warning is about DynamoDB Local, which
	// answers without the checksum that DynamoDB sends.
	if l.Context().Err() == nil && !strings.Contains(string(b), "did not match expected checksum") {
		l.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// batch is a client of the door with a key.
func (s *scene) batch(id, secret string) *batch.Client { return s.Batch(id, secret) }

// function is one of the installation's.
func (s *scene) function(name string) *runner.Function { return s.Functions[name] }

const patience = 30 * time.Second

// until waits for a condition.
func (s *scene) until(what string, holds func(context.Context) bool) {
	s.Helper()
	s.within(patience, what, holds)
}

// within waits for a condition for a while.
func (s *scene) within(within time.Duration, what string, holds func(context.Context) bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), within)
	defer cancel()
	for !holds(ctx) {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			s.Fatalf("waited %v in vain for %s", within, what)
		}
	}
}
