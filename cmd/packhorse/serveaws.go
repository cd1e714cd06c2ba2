package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/internal/account"
	"github.com/packhorse-batch/packhorse/internal/account/fleet"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// The homes of a server.
const (
	homeLaptop = "laptop"
	homeAWS    = "aws"
)

// awsFlags are the flags of serve --home aws.
type awsFlags struct {
	endpoint string
	settings account.Settings
}

// callPatience bounds each question to AWS before the server serves.
const callPatience = 30 * time.Second

// serveAWS serves from this machine what is kept in an account: records in DynamoDB, hosts
// on EC2, tasks on ECS.
func serveAWS(ctx context.Context, f serveFlags, stdout io.Writer) (err error) {
	if len(f.Keys) == 0 {
		if err := api.LoopbackOnly(f.Listen); err != nil {
			return err
		}
	}
	settings := f.aws.settings
	settings.Account, settings.IdleWindow = f.Account, f.IdleWindow
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(f.Account.Region))
	if err != nil {
		return err
	}
	if f.aws.endpoint != "" {
		c.BaseEndpoint = &f.aws.endpoint
	}
	if err := prepareAccount(ctx, c, &settings, f.accountGiven); err != nil {
		return err
	}
	a, err := fleet.OpenWith(ctx, settings, c, f.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Table.Close()) }()
	listener, err := net.Listen("tcp", f.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", f.Listen, err)
	}
	server := api.Server(a.Door(f.Keys))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Fprintf(stdout, "Packhorse serves AWS Batch at http://%s for account %s, region %s: records in the DynamoDB table %s, hosts on EC2, tasks on ECS.\n",
		dialled(listener.Addr().String()), settings.Account.ID, settings.Account.Region, settings.Table)
	if f.aws.endpoint != "" {
		fmt.Fprintln(stdout, "AWS is asked at "+f.aws.endpoint+".")
	}
	fmt.Fprintln(stdout, "Ctrl-C stops the server; hosts and jobs go on, and cost, until a server or functions look after them again.")
	err = a.Engine.Run(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), callPatience)
	defer cancel()
	err = errors.Join(err, server.Shutdown(closing))
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// prepareAccount finds out whose account it is, and makes the table if there is none.
func prepareAccount(ctx context.Context, c aws.Config, s *account.Settings, accountGiven bool) error {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	if !accountGiven {
		who, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return fmt.Errorf("whose account this is cannot be asked: %w; check the credentials and --endpoint-url, or give --account", err)
		}
		s.Account.ID = aws.ToString(who.Account)
	}
	client := dynamodb.NewFromConfig(c)
	_, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &s.Table})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		err = dynamo.Create(ctx, client, s.Table, dynamo.Orderings())
	}
	if err != nil {
		return fmt.Errorf("the table %s cannot be used: %w; check the credentials and --endpoint-url, or choose another with --table", s.Table, err)
	}
	return nil
}
