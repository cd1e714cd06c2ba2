package main

import (
	"cmp"
	"context"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/internal/cli"
)

// server is a Packhorse to run the demo on, and as whom.
type server struct {
	endpoint, region, profile string
	accessKey, secretKey      string // empty: those of the environment, or any
}

// serverOf finds the server of a command as the other client commands do. AWS itself
// has nothing prepared for the demo.
func serverOf(cmd *cobra.Command) (server, error) {
	flag := func(name string) string {
		value, _ := cmd.Flags().GetString(name) // of the root command
		return value
	}
	s := server{
		endpoint: cmp.Or(flag("endpoint"), os.Getenv("PACKHORSE_ENDPOINT"), os.Getenv("AWS_ENDPOINT_URL_BATCH"), cli.DefaultEndpoint),
		region:   cmp.Or(flag("region"), os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		profile:  flag("profile"),
	}
	if s.endpoint == "aws" {
		return s, &cli.Error{Message: "the demo needs a Packhorse server, not AWS", Next: "start one with `packhorse serve`", Exit: cli.ExitUsage}
	}
	if !strings.Contains(s.endpoint, "://") {
		s.endpoint = "http://" + s.endpoint
	}
	s.endpoint = strings.TrimRight(s.endpoint, "/")
	return s, nil
}

// command is the beginning of a command line for this server.
func (s server) command() string {
	program := "packhorse"
	if strings.ContainsRune(os.Args[0], os.PathSeparator) {
		program = os.Args[0] // not found in PATH: as it was typed
	}
	if s.endpoint != cli.DefaultEndpoint {
		program += " --endpoint " + s.endpoint
	}
	return program
}

// clients connects to the server.
func (s server) clients(ctx context.Context) (*batch.Client, *cloudwatchlogs.Client, error) {
	cfg, err := s.config(ctx)
	if err != nil {
		return nil, nil, err
	}
	return batch.NewFromConfig(cfg, func(o *batch.Options) { o.BaseEndpoint = aws.String(s.endpoint) }),
		cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { o.BaseEndpoint = aws.String(s.endpoint) }), nil
}

const anyKey = "packhorse" // what a server on loopback without keys is greeted with

func (s server) config(ctx context.Context) (aws.Config, error) {
	region := cmp.Or(s.region, defaultRegion)
	named := s.profile != "" || os.Getenv("AWS_ACCESS_KEY_ID") != "" || os.Getenv("AWS_PROFILE") != ""
	if s.accessKey != "" || !named && s.loopback() {
		id, secret := cmp.Or(s.accessKey, anyKey), cmp.Or(s.secretKey, anyKey)
		return aws.Config{Region: region, Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")}, nil
	}
	options := []func(*config.LoadOptions) error{
		config.WithRegion(region), config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
	}
	if s.profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.profile))
	}
	return config.LoadDefaultConfig(ctx, options...)
}

func (s server) loopback() bool {
	u, err := url.Parse(s.endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
