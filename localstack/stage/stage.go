// Package stage sets up an installation of Packhorse without an account: the built Lambda
// functions behind an imitation of Lambda, their records in DynamoDB Local, their hosts
// and tasks in an EC2 and ECS that somebody imitates. Tests and benchmarks play on it.
package stage

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/uuid"

	"github.com/packhorse-batch/packhorse/localstack/runner"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// The installation.
const (
	Region     = "eu-central-1"
	Account    = "123456789012"
	Deployment = "packhorse"
	KeyPath    = "/packhorse/" + Deployment + "/keys/"
	// AdminID and AdminSecret are a key that may everything.
	AdminID     = "PHKADMIN"
	AdminSecret = "admin-secret"
)

// Names are the functions.
var Names = []string{"api", "pass", "events", "sweep", "s3trigger"}

// Build builds functions into a directory, as they are shipped. root is the repository's.
func Build(ctx context.Context, root, dir string, names ...string) error {
	for _, name := range names {
		command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags=lambda.norpc", "-ldflags=-s -w", "-o", filepath.Join(dir, name), "./functions/"+name)
		command.Dir = root
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build the function %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// Options say what an installation is made of. DynamoDB and Binaries are required.
type Options struct {
	DynamoDB string // endpoint
	// AWS is the endpoint of EC2, ECS and SSM; empty is a parameter store with Keys, and
	// nothing else.
	AWS      string
	Binaries string // directory; see Build
	// Keys are further access keys as the parameter store has them, by id.
	Keys map[string]string
	// Env is added to the environment of the functions.
	Env    []string
	Output io.Writer // what functions print; nil drops it
	// Doors is how many invocations of the api function may run at once; 0 is 4.
	Doors int
	// NewsWindow is how long news of tasks gathers; 0 is EventsWindow, as deployed.
	NewsWindow time.Duration
	// SweepEvery is how often the sweep and a pass are scheduled; 0 is a minute.
	SweepEvery time.Duration
}

// Stage is an installation. Functions run when they are invoked; the stream and the
// schedule bring nothing before Play.
type Stage struct {
	o         Options
	Table     string
	URL       string // of the door
	DynamoDB  *dynamodb.Client
	Functions map[string]*runner.Function
	// News is the queue between EventBridge and the function events; see Tell.
	News *runner.Queue

	closers []func()
}

// Open makes the table and the door.
func Open(ctx context.Context, o Options) (_ *Stage, err error) {
	s := &Stage{o: o, Table: "packhorse-" + uuid.NewString(), Functions: map[string]*runner.Function{}}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if o.AWS == "" {
		if o.AWS, err = s.serve(parameters(o.Keys)); err != nil {
			return nil, err
		}
	}
	s.DynamoDB = dynamodb.New(dynamodb.Options{
		Region: Region, BaseEndpoint: &o.DynamoDB, Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
	if err := dynamo.Create(ctx, s.DynamoDB, s.Table, dynamo.Orderings()); err != nil {
		return nil, err
	}
	env := append([]string{
		"PACKHORSE_TABLE=" + s.Table, "PACKHORSE_DEPLOYMENT=" + Deployment, "PACKHORSE_KEYS=" + KeyPath,
		"PACKHORSE_INSTANCE_PROFILE=arn:aws:iam::" + Account + ":instance-profile/packhorse-host",
		"PACKHORSE_EXECUTION_ROLE=arn:aws:iam::" + Account + ":role/packhorse-execution",
		"AWS_REGION=" + Region, "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any",
		"AWS_ENDPOINT_URL_DYNAMODB=" + o.DynamoDB, "AWS_ENDPOINT_URL=" + o.AWS, "PATH=" + os.Getenv("PATH"),
	}, o.Env...)
	for _, name := range Names {
		concurrency := 1 // as the template reserves it
		switch name {
		case "api":
			concurrency = cmp.Or(o.Doors, 4)
		case "events", "s3trigger":
			concurrency = 4
		}
		f := runner.New(runner.Options{
			Name: name, Binary: filepath.Join(o.Binaries, name), Env: env, Concurrency: concurrency, Output: o.Output,
		})
		s.Functions[name] = f
		s.closers = append(s.closers, f.Close)
	}
	s.News = EventsQueue(s.Functions["events"].Invoke)
	if o.NewsWindow > 0 {
		s.News.Window = o.NewsWindow
	}
	s.URL, err = s.serve(runner.URL(s.Functions["api"]))
	return s, err
}

// serve answers HTTP on a free port until Close.
func (s *Stage) serve(h http.Handler) (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until Close
	s.closers = append(s.closers, func() { server.Close() })
	return "http://" + listener.Addr().String(), nil
}

// Close ends the functions.
func (s *Stage) Close() {
	for _, end := range s.closers {
		end()
	}
}

// Batch is a client of the door with a key.
func (s *Stage) Batch(id, secret string) *batch.Client {
	return batch.New(batch.Options{
		Region: Region, BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""), RetryMaxAttempts: 1,
	})
}

// Play brings the stream of the table to the pass function, and invokes pass and sweep on
// their schedule, until ctx ends.
func (s *Stage) Play(ctx context.Context) error {
	err := s.play(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // whatever went wrong then, it was the end
	}
	return err
}

func (s *Stage) play(ctx context.Context) error {
	stream, err := PassStream(ctx, s.o.DynamoDB, s.DynamoDB, s.Table, s.Functions["pass"].Invoke)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var schedule sync.WaitGroup
	schedule.Go(func() { s.schedule(ctx) })
	schedule.Go(func() { _ = s.News.Run(ctx) }) // until ctx ends
	err = stream.Run(ctx)
	cancel()
	schedule.Wait()
	return err
}

// schedule invokes what EventBridge invokes on a schedule. A failure is no end: the next
// minute comes.
func (s *Stage) schedule(ctx context.Context) {
	every := s.o.SweepEvery
	if every == 0 {
		every = time.Minute
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		for _, name := range []string{"sweep", "pass"} {
			_, _ = s.Functions[name].Invoke(ctx, map[string]any{"source": "aws.events", "detail-type": "Scheduled Event"})
		}
	}
}
