package cli

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/spf13/cobra"
)

// DefaultEndpoint is where a server started with `packhorse serve` listens.
const DefaultEndpoint = "http://127.0.0.1:4600"

// defaultRegion signs requests when nothing names a region. A server on this machine
// does not care; AWS gets it only when the user asked for AWS without a region.
const defaultRegion = "us-east-1"

// connectionFlags say which server, and as whom. They are flags of every command.
type connectionFlags struct {
	endpoint, region, profile string
}

func (f *connectionFlags) add(root *cobra.Command) {
	p := root.PersistentFlags()
	p.StringVar(&f.endpoint, "endpoint", "", `address of the server, or "aws" (default `+DefaultEndpoint+`)`)
	p.StringVar(&f.region, "region", "", "AWS region (default "+defaultRegion+")")
	p.StringVar(&f.profile, "profile", "", "profile of the AWS configuration files to take credentials from")
}

// target is a server as the flags and the environment name it.
type target struct {
	endpoint string // empty for AWS: the SDK knows the address
	logs     string // the same for CloudWatch Logs
	region   string
	profile  string
	chain    bool // take credentials from the SDK's usual places
}

// resolve finds the server. It reads flags and environment only.
func (f connectionFlags) resolve(env func(string) string) (target, error) {
	t := target{
		endpoint: firstOf(f.endpoint, env("PACKHORSE_ENDPOINT"), env("AWS_ENDPOINT_URL_BATCH"), DefaultEndpoint),
		region:   firstOf(f.region, env("AWS_REGION"), env("AWS_DEFAULT_REGION")),
		profile:  f.profile,
	}
	if t.endpoint == "aws" {
		t.endpoint, t.chain = "", true
		return t, nil
	}
	if !strings.Contains(t.endpoint, "://") {
		t.endpoint = "http://" + t.endpoint // host:port, as people type it
	}
	u, err := url.Parse(t.endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return target{}, &Error{
			Message: "the endpoint " + quote(t.endpoint) + " is not the address of a server",
			Next:    "give one such as " + DefaultEndpoint + ", or aws",
			Exit:    ExitUsage,
		}
	}
	t.endpoint = strings.TrimRight(t.endpoint, "/")
	if host := u.Hostname(); strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn") {
		// batch.<region>.amazonaws.com: the logs are at another name, which the SDK knows.
		if parts := strings.Split(host, "."); t.region == "" && len(parts) >= 4 {
			t.region = parts[1]
		}
		t.endpoint, t.chain = "", true
		return t, nil
	}
	t.logs = firstOf(env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"), t.endpoint)
	t.chain = !loopback(u.Hostname()) || t.profile != "" || namesCredentials(env)
	return t, nil
}

// namesCredentials reports whether the environment points at credentials. The files in
// ~/.aws alone do not count: what they hold is for AWS, not for a server on loopback.
func namesCredentials(env func(string) string) bool {
	for _, k := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SHARED_CREDENTIALS_FILE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		if env(k) != "" {
			return true
		}
	}
	return false
}

func loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// client is a connection to one server.
type client struct {
	batch  *batch.Client
	logs   *cloudwatchlogs.Client
	target target
	as     aws.CredentialsProvider // who signs calls of our own; nil: as the target says
}

// How often a command that waits looks at the server: often where it costs nothing,
// seldom on AWS, which throttles DescribeJobs per account.
const (
	pollNear = 300 * time.Millisecond
	pollFar  = 2 * time.Second
)

// poll is the time between two looks at the server.
func (c *client) poll() time.Duration {
	if u, err := url.Parse(c.target.endpoint); err == nil && loopback(u.Hostname()) {
		return pollNear
	}
	return pollFar
}

// connect returns the client of this run.
func (a *App) connect(ctx context.Context) (*client, error) {
	if a.client != nil {
		return a.client, nil
	}
	t, err := a.flags.resolve(a.Env)
	if err != nil {
		return nil, err
	}
	cfg, err := t.config(ctx)
	if err != nil {
		return nil, err
	}
	a.client = &client{
		target: t,
		batch: batch.NewFromConfig(cfg, func(o *batch.Options) {
			if t.endpoint != "" {
				o.BaseEndpoint = aws.String(t.endpoint)
				o.HTTPClient = wholeNumbers{next: o.HTTPClient}
			}
		}),
		logs: cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) {
			if t.logs != "" {
				o.BaseEndpoint = aws.String(t.logs)
			}
		}),
	}
	return a.client, nil
}

// config makes the SDK's configuration. It never asks the instance metadata service:
// where there is none, that takes seconds to find out.
func (t target) config(ctx context.Context) (aws.Config, error) {
	if !t.chain {
		return aws.Config{
			Region:      firstOf(t.region, defaultRegion),
			Credentials: credentials.NewStaticCredentialsProvider("packhorse", "packhorse", ""),
			Retryer:     newRetryer,
		}, nil
	}
	opts := []func(*config.LoadOptions) error{
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithRetryer(newRetryer),
	}
	if t.profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(t.profile))
	}
	if t.region != "" {
		opts = append(opts, config.WithRegion(t.region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return aws.Config{}, err
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	return cfg, nil
}

// newRetryer is the SDK's, except that a refused connection is final: there is no
// server, and saying so at once helps more than three tries do.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		refused := retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if errors.Is(err, syscall.ECONNREFUSED) {
				return aws.FalseTernary
			}
			return aws.UnknownTernary
		})
		o.Retryables = append([]retry.IsErrorRetryable{refused}, o.Retryables...)
	})
}

// firstOf returns the first string that is not empty.
func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
