package prices

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/packhorse-batch/packhorse/internal/account/book"
)

type spotDescriber interface {
	DescribeSpotPriceHistory(context.Context, *ec2.DescribeSpotPriceHistoryInput, ...func(*ec2.Options)) (*ec2.DescribeSpotPriceHistoryOutput, error)
}

// spotPage is EC2's bound on a page of DescribeSpotPriceHistory.
const spotPage = 1000

// spot returns the Spot prices of now by type and zone. A history that begins now still has
// the last price before for each type and zone, which is the present one.
func spot(ctx context.Context, client spotDescriber, now time.Time) (map[string]map[string]float64, error) {
	prices, latest := map[string]map[string]float64{}, map[[2]string]time.Time{}
	in := &ec2.DescribeSpotPriceHistoryInput{
		StartTime: &now, MaxResults: aws.Int32(spotPage),
		// Which of them it is depends on the age of the account. Both mean the same price.
		ProductDescriptions: []string{
			string(types.RIProductDescriptionLinuxUnix), string(types.RIProductDescriptionLinuxUnixAmazonVpc),
		},
	}
	for range maxPages {
		out, err := client.DescribeSpotPriceHistory(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, p := range out.SpotPriceHistory {
			name, zone := string(p.InstanceType), aws.ToString(p.AvailabilityZone)
			usd, err := strconv.ParseFloat(aws.ToString(p.SpotPrice), 64)
			if err != nil || usd <= 0 {
				return nil, fmt.Errorf("DescribeSpotPriceHistory: %s in %s costs %q, which is no price", name, zone, aws.ToString(p.SpotPrice))
			}
			of, at := [2]string{name, zone}, aws.ToTime(p.Timestamp)
			if before, ok := latest[of]; zone != "" && (!ok || at.After(before)) {
				latest[of] = at
				book.AddSpot(prices, name, zone, usd)
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return prices, nil
		}
	}
	return nil, tooLong("DescribeSpotPriceHistory")
}
