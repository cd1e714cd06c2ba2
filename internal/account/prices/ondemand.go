package prices

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"
)

// Pricing is the part of its client that is called here.
type Pricing interface {
	GetProducts(context.Context, *pricing.GetProductsInput, ...func(*pricing.Options)) (*pricing.GetProductsOutput, error)
}

// PricingRegion is where the Pricing API answers for a region: it has three endpoints in
// all, which know every region. It is empty where there is none: GovCloud has no endpoint,
// and that of China answers in another currency.
func PricingRegion(region string) string {
	switch part, _, _ := strings.Cut(region, "-"); {
	case part == "cn" || strings.HasPrefix(region, "us-gov-") || strings.HasPrefix(region, "us-iso"):
		return ""
	case part == "eu" || part == "af" || part == "me" || part == "il":
		return "eu-central-1"
	case part == "ap":
		return "ap-south-1"
	}
	return "us-east-1"
}

// What a product must be to be a host of ours: an instance with Linux and nothing else on
// it, bought by the hour and in use.
var product = map[string]string{
	"operatingSystem": "Linux",
	"preInstalledSw":  "NA",
	"capacitystatus":  "Used",
	"marketoption":    "OnDemand",
}

// makes are the kinds of instances, by how the price list tells them apart. Bare metal is
// listed as if it were dedicated, at the price of anybody.
var makes = []map[string]string{
	{"productFamily": "Compute Instance", "tenancy": "Shared"},
	{"productFamily": "Compute Instance (bare metal)", "tenancy": "Dedicated"},
}

// productsPage is the bound of GetProducts on a page.
const productsPage = 100

// onDemand returns the On-Demand prices of a region by type, in USD per hour.
func onDemand(ctx context.Context, client Pricing, region string) (map[string]float64, error) {
	prices := map[string]float64{}
	for _, kind := range makes {
		if err := list(ctx, client, region, kind, prices); err != nil {
			return nil, err
		}
	}
	return prices, nil
}

func list(ctx context.Context, client Pricing, region string, kind map[string]string, prices map[string]float64) error {
	in := &pricing.GetProductsInput{
		ServiceCode: aws.String("AmazonEC2"), FormatVersion: aws.String("aws_v1"), MaxResults: aws.Int32(productsPage),
		Filters: []types.Filter{equal("regionCode", region)},
	}
	for _, terms := range []map[string]string{product, kind} {
		for field, value := range terms {
			in.Filters = append(in.Filters, equal(field, value))
		}
	}
	for range maxPages {
		out, err := client.GetProducts(ctx, in)
		if err != nil {
			return err
		}
		for _, text := range out.PriceList {
			var o offer
			if err := json.Unmarshal([]byte(text), &o); err != nil {
				return fmt.Errorf("GetProducts: a product is not as documented: %w", err)
			}
			name, usd := o.price()
			if before, ok := prices[name]; usd > 0 && (!ok || usd < before) {
				prices[name] = usd
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return nil
		}
	}
	return tooLong("GetProducts")
}

func equal(field, value string) types.Filter {
	return types.Filter{Type: types.FilterTypeTermMatch, Field: &field, Value: &value}
}

// offer is one product of a price list, as far as it matters here ("Reading the service
// price list files", AWS Billing user guide).
type offer struct {
	Product struct {
		Attributes struct {
			InstanceType string `json:"instanceType"`
			LocationType string `json:"locationType"`
		} `json:"attributes"`
	} `json:"product"`
	Terms struct {
		OnDemand map[string]struct {
			PriceDimensions map[string]struct {
				Unit         string            `json:"unit"`
				PricePerUnit map[string]string `json:"pricePerUnit"`
			} `json:"priceDimensions"`
		} `json:"OnDemand"`
	} `json:"terms"`
}

// price returns the type and what it costs an hour; 0 for what is not sold by the hour to
// everybody. Capacity Blocks for example have the same attributes and a price of 0,
// since they are paid for in advance, and Outposts stand in a customer's house.
func (o *offer) price() (instanceType string, usd float64) {
	a := o.Product.Attributes
	if a.InstanceType == "" || a.LocationType != "" && a.LocationType != "AWS Region" {
		return "", 0
	}
	for _, term := range o.Terms.OnDemand {
		for _, d := range term.PriceDimensions {
			price, err := strconv.ParseFloat(d.PricePerUnit["USD"], 64)
			if err == nil && price > 0 && d.Unit == "Hrs" && (usd == 0 || price < usd) {
				usd = price
			}
		}
	}
	return a.InstanceType, usd
}
