// Command sweep asks ECS and EC2 each minute what is really there and sets the records
// right: deadlines, lost news, orphans, what is being deleted. Then it keeps the prices of
// the region up to date.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/pricing"

	"github.com/packhorse-batch/packhorse/internal/account/fleet"
	"github.com/packhorse-batch/packhorse/internal/account/prices"
	"github.com/packhorse-batch/packhorse/internal/account/started"
)

func main() {
	a := started.With(fleet.Open)
	region := a.Settings.Account.Region
	keeper := prices.Keeper{
		Clients: prices.Clients{
			EC2:     ec2.NewFromConfig(a.Config),
			Pricing: pricing.NewFromConfig(a.Config, func(o *pricing.Options) { o.Region = prices.PricingRegion(region) }),
		},
		Records: a.Prices.Records, Region: region, Now: time.Now, Log: a.Log,
	}
	lambda.Start(func(ctx context.Context) error {
		a.Renew()
		if err := a.Engine.SweepOnce(ctx); err != nil { // the pass function sees by the stream what it changed
			return err
		}
		keeper.Keep(ctx)
		return ctx.Err()
	})
}
