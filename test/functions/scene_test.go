package functions

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/localstack/runner"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

const (
	region     = "eu-central-1"
	deployment = "packhorse"
	keyPath    = "/packhorse/packhorse/keys/"
)

// scene is an installation without an account: a table in DynamoDB Local, keys, and the
// door behind HTTP.
type scene struct {
	testing.TB
	config aws.Config // of clients that may everything
	dynamo *dynamodb.Client
	table  string
	env    []string // of the functions
	door   *runner.Function
	url    string
}

// keys are those of the scene, as the parameter store has them.
var keys = map[string]string{
	"PHKADMIN":  `{"secret":"admin-secret","role":"admin"}`,
	"PHKREADER": `{"secret":"reader-secret","role":"read"}`,
	"PHKBROKEN": `no JSON`,
}

func newScene(t testing.TB) *scene {
	t.Helper()
	endpoint := peers.DynamoDBLocal(t)
	s := &scene{TB: t, table: "packhorse-" + uuid.NewString()}
	s.config = aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider("PHKADMIN", "admin-secret", ""), BaseEndpoint: &endpoint}
	s.dynamo = dynamodb.NewFromConfig(s.config)
	if err := dynamo.Create(t.Context(), s.dynamo, s.table, dynamo.Orderings()); err != nil {
		t.Fatal(err)
	}
	parameters := httptest.NewServer(http.HandlerFunc(parameterStore))
	t.Cleanup(parameters.Close)
	s.env = []string{
		"PACKHORSE_TABLE=" + s.table, "PACKHORSE_DEPLOYMENT=" + deployment, "PACKHORSE_KEYS=" + keyPath,
		"PACKHORSE_INSTANCE_PROFILE=arn:aws:iam::123456789012:instance-profile/packhorse-host",
		"PACKHORSE_EXECUTION_ROLE=arn:aws:iam::123456789012:role/packhorse-execution",
		"AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=PHKADMIN", "AWS_SECRET_ACCESS_KEY=admin-secret",
		"AWS_ENDPOINT_URL_DYNAMODB=" + endpoint, "AWS_ENDPOINT_URL_SSM=" + parameters.URL,
	}
	s.door = s.function("api", 4)
	server := httptest.NewServer(runner.URL(s.door))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// function is one of the installation's.
func (s *scene) function(name string, concurrency int) *runner.Function {
	f := runner.New(runner.Options{Name: name, Binary: binary(s, name), Env: s.env, Concurrency: concurrency, Output: logged{s.TB, name}})
	s.Cleanup(f.Close)
	return f
}

// logged puts what functions print into the test's log.
type logged struct {
	testing.TB
	name string
}

func (l logged) Write(b []byte) (int, error) {
	if l.Context().Err() == nil { // after its end a test may log nothing
		l.Logf("%s: %s", l.name, strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

// batch is a client with a key.
func (s *scene) batch(id, secret string) *batch.Client {
	c := s.config.Copy()
	c.BaseEndpoint = &s.url
	c.Credentials = credentials.NewStaticCredentialsProvider(id, secret, "")
	c.RetryMaxAttempts = 1
	return batch.NewFromConfig(c)
}

// parameterStore answers GetParameter as SSM does.
func parameterStore(w http.ResponseWriter, r *http.Request) {
	var in struct{ Name string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	value, ok := keys[strings.TrimPrefix(in.Name, keyPath)]
	if !ok || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"ParameterNotFound"}`))
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": in.Name, "Type": "SecureString", "Value": value}})
}

const patience = 30 * time.Second

// until waits for a condition.
func (s *scene) until(what string, holds func(context.Context) bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	for !holds(ctx) {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			s.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}
