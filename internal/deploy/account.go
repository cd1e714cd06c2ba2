package deploy

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/packhorse-batch/packhorse/internal/pause"
)

// Account is an AWS account in one region, seen through the calls that deployments
// need. [Open] makes one; tests put their own parts in.
type Account struct {
	Region     string
	Identity   identity
	Stacks     stacks
	Objects    objects
	Parameters parameters
	Clusters   clusters
	Queues     queues
	Logs       logGroups
	Fleet      Fleet

	// Template is what is deployed; empty is infra.Template(). Another one must have the
	// same parameters and outputs: one for a company's rules, or one that leaves out what
	// an imitation of AWS does not know.
	Template string
	// Pause waits d between two looks at something that changes, or until ctx ends.
	Pause func(ctx context.Context, d time.Duration) error
	// Random is where access keys come from.
	Random io.Reader
}

// Open returns the account of cfg's credentials, in its region.
func Open(cfg aws.Config, fleet Fleet) *Account {
	return &Account{
		Region:   cfg.Region,
		Identity: sts.NewFromConfig(cfg),
		Stacks:   cloudformation.NewFromConfig(cfg),
		Objects: s3.NewFromConfig(cfg, func(o *s3.Options) {
			// What imitates AWS at an address of its own has no name for each bucket.
			o.UsePathStyle = o.BaseEndpoint != nil
		}),
		Parameters: ssm.NewFromConfig(cfg),
		Clusters:   ecs.NewFromConfig(cfg),
		Queues:     sqs.NewFromConfig(cfg),
		Logs:       cloudwatchlogs.NewFromConfig(cfg),
		Fleet:      fleet,
		Pause:      pause.For,
		Random:     rand.Reader,
	}
}

type identity interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// id returns the account's twelve digits.
func (a *Account) id(ctx context.Context) (string, error) {
	out, err := a.Identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", explain(err, "ask who the credentials belong to")
	}
	return aws.ToString(out.Account), nil
}
