package peers

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/packhorse-batch/packhorse/localstack/peers"
)

const (
	region = "us-east-1"
	// patience bounds each wait. The server asks ECS every 5 s; the rest is a busy machine.
	patience = 90 * time.Second
	// idleWindow is how long the server lets a host without tasks stay.
	idleWindow = 2 * time.Second
)

// site is a server in an account that moto imitates, and clients of both.
type site struct {
	*testing.T
	witness    *witness
	deployment string // name of this test's installation
	process    *exec.Cmd
	said       *output

	batch *batch.Client // of the server
	ec2   *ec2.Client   // of moto
	ecs   *ecs.Client
}

// newSite starts a server. steps is how many looks at a task moto leaves it in each of
// its states.
func newSite(t *testing.T, steps string) *site {
	t.Helper()
	if testing.Short() {
		t.Skip("takes half a minute: the server asks ECS every 5 s")
	}
	moto, records := peers.Moto(t), peers.DynamoDBLocal(t)
	s := &site{T: t, witness: newWitness(t, moto), deployment: "t" + strings.ToLower(rand.Text()[:8]), said: &output{}}
	s.setTransition(moto, steps)
	account := s.config(moto)
	s.ec2, s.ecs = ec2.NewFromConfig(account), ecs.NewFromConfig(account)
	s.batch = batch.NewFromConfig(s.config(s.serve(records)))
	return s
}

func (s *site) config(endpoint string) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
}

// setTransition tells moto how many times a task is looked at before it changes.
func (s *site) setTransition(moto, steps string) {
	s.Helper()
	answer, err := http.Post(moto+"/moto-api/state-manager/set-transition", "application/json",
		strings.NewReader(`{"model_name": "ecs::task", "transition": {"progression": "manual", "times": `+steps+`}}`))
	s.check(err)
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		s.Fatalf("set-transition: %s", answer.Status)
	}
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// serve starts the server and returns its address, which is the first that it prints.
func (s *site) serve(records string) string {
	s.Helper()
	s.process = exec.Command(packhorse, "serve", "--home", "aws", "--endpoint-url", s.witness.URL, "--listen", "127.0.0.1:0",
		"--table", s.deployment, "--deployment", s.deployment, "--idle-window", idleWindow.String())
	s.process.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION="+region,
		"AWS_ENDPOINT_URL_DYNAMODB="+records, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	s.process.Stderr = s.said
	stdout, err := s.process.StdoutPipe()
	s.check(err)
	s.check(s.process.Start())
	s.Cleanup(func() {
		_ = s.process.Process.Kill() // fails when it has ended
		s.process.Wait()
		if s.Failed() {
			s.Logf("the server's last words:\n%s", s.said)
		}
	})
	first, err := bufio.NewReader(io.TeeReader(stdout, s.said)).ReadString('\n')
	endpoint := address.FindString(first)
	if err != nil || endpoint == "" {
		s.Fatalf("the server printed %q (%v), want its address", first, err)
	}
	go io.Copy(s.said, stdout)
	return endpoint
}

// output keeps what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (s *site) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// until waits for a condition, asking for it again and again: nobody tells.
func (s *site) until(what string, holds func(context.Context) bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	for !holds(ctx) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			s.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}

// job describes a job.
func (s *site) job(id string) types.JobDetail {
	s.Helper()
	out, err := s.batch.DescribeJobs(s.Context(), &batch.DescribeJobsInput{Jobs: []string{id}})
	s.check(err)
	if len(out.Jobs) != 1 {
		s.Fatalf("DescribeJobs(%s) = %d jobs, want it", id, len(out.Jobs))
	}
	return out.Jobs[0]
}

// become waits until a job has a status.
func (s *site) become(id string, want types.JobStatus) types.JobDetail {
	s.Helper()
	var j types.JobDetail
	s.until("the job to be "+string(want), func(context.Context) bool {
		j = s.job(id)
		if j.Status == types.JobStatusFailed && want != types.JobStatusFailed {
			s.Fatalf("the job is FAILED: %s", aws.ToString(j.StatusReason))
		}
		return j.Status == want
	})
	return j
}
