// Package prices asks AWS what a region's capacity costs, for the book of a deployment (see
// package book).
//
// On-Demand prices come from the Pricing API, types from DescribeInstanceTypes and Spot
// prices from DescribeSpotPriceHistory. Each is asked for whole, page by page; what fails
// on the way leaves the book as it was, since half a price list would make the other half
// look dear. Throttling is left to the SDK's retries.
package prices

import (
	"context"
	"fmt"
	"time"

	"github.com/packhorse-batch/packhorse/internal/account/book"
)

// Clients are whom to ask.
type Clients struct {
	EC2     EC2
	Pricing Pricing // of PricingRegion
}

// EC2 is the part of its client that is called here.
type EC2 interface {
	typeDescriber
	spotDescriber
}

// maxPages bounds how long a list may go on. The longest, Spot prices of us-east-1, has
// about ten pages.
const maxPages = 200

// refresh asks for one part of the book as of now. On an error the book is as it was.
func refresh(ctx context.Context, c Clients, b *book.Book, part string, now time.Time) error {
	next := *b
	var err error
	switch part {
	case book.Types:
		next.Types, err = instanceTypes(ctx, c.EC2)
	case book.OnDemand:
		next.OnDemand, err = onDemand(ctx, c.Pricing, b.Region)
	case book.Spot:
		next.Spot, err = spot(ctx, c.EC2, now)
	}
	if err == nil && next.Len(part) == 0 {
		err = fmt.Errorf("the answer has no entries")
	}
	if err != nil {
		return fmt.Errorf("prices %q of %s: %w", part, b.Region, err)
	}
	*b = next
	b.At[part] = now
	return nil
}

func tooLong(operation string) error {
	return fmt.Errorf("%s still has a NextToken after %d pages; is this AWS?", operation, maxPages)
}
