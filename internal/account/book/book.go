// Package book keeps what capacity costs in a region, as AWS told it last.
//
// The catalog in the program has the types and prices of us-east-1 on the day it was made.
// A Book has those of the deployment's own region: the types that came since, On-Demand
// prices, and Spot prices in each zone. It has three parts, which are asked for in their
// own time, kept as a record each, and used as far as they are there: without a book,
// everything works with the catalog's prices.
//
// The function sweep writes the records (see package prices); all functions read them
// through a [Shelf]. This package links no client of EC2, so that functions that only
// answer stay small.
package book

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
)

// The parts of a book, as their records are named.
const (
	Types    = "types"
	OnDemand = "ondemand"
	Spot     = "spot"
)

// Parts lists them all.
func Parts() []string { return []string{Types, OnDemand, Spot} }

// Book is what a region has and asks for it. A part that is not there is empty.
type Book struct {
	Region string
	// Types are the types that the region has, without prices.
	Types []catalog.Type
	// OnDemand is in USD per hour by type, for Linux and shared tenancy.
	OnDemand map[string]float64
	// Spot is in USD per hour by type and zone, for Linux.
	Spot map[string]map[string]float64
	// At is when AWS was asked for each part.
	At map[string]time.Time
}

// maxSpotAge is how old Spot prices may be to be planned with. They move by a few percent
// a day; when nobody could ask for longer than this, On-Demand prices are the safer guess.
const maxSpotAge = 24 * time.Hour

// Market is what the book says as of now, over what the catalog in the program says.
func (b Book) Market(now time.Time) catalog.Market {
	m := catalog.Market{Types: catalog.Default()}
	if len(b.OnDemand) > 0 {
		m.Types = m.Types.With(b.OnDemand, b.Types)
	}
	if now.Sub(b.At[Spot]) > maxSpotAge {
		return m
	}
	m.SpotUSDPerHour = make(map[string]float64, len(b.Spot))
	for name, zones := range b.Spot {
		if len(zones) > 0 {
			m.SpotUSDPerHour[name] = slices.Min(slices.Collect(maps.Values(zones)))
		}
	}
	return m
}

// Len counts the entries of a part.
func (b Book) Len(part string) int {
	switch part {
	case Types:
		return len(b.Types)
	case OnDemand:
		return len(b.OnDemand)
	}
	n := 0
	for _, zones := range b.Spot {
		n += len(zones)
	}
	return n
}

// Write returns a part as it is kept: lines of columns parted by tabs.
func (b Book) Write(part string) (store.PriceTable, error) {
	var text bytes.Buffer
	switch part {
	case Types:
		if err := catalog.WriteTable(&text, nil, b.Types); err != nil {
			return store.PriceTable{}, err
		}
	case OnDemand:
		for _, name := range slices.Sorted(maps.Keys(b.OnDemand)) {
			fmt.Fprintf(&text, "%s\t%s\n", name, dollars(b.OnDemand[name]))
		}
	case Spot:
		for _, name := range slices.Sorted(maps.Keys(b.Spot)) {
			for _, zone := range slices.Sorted(maps.Keys(b.Spot[name])) {
				fmt.Fprintf(&text, "%s\t%s\t%s\n", name, zone, dollars(b.Spot[name][zone]))
			}
		}
	default:
		return store.PriceTable{}, fmt.Errorf("a price book has no part %q; its parts are %s", part, strings.Join(Parts(), ", "))
	}
	return store.PriceTable{Part: part, Region: b.Region, At: b.At[part], Text: text.String()}, nil
}

func dollars(usd float64) string { return strconv.FormatFloat(usd, 'f', -1, 64) }

// Read sets a part from its record. On an error the book is as it was.
func (b *Book) Read(p store.PriceTable) error {
	next := *b
	switch p.Part {
	case Types:
		types, err := catalog.ReadTable(p.Text)
		if err != nil {
			return err
		}
		next.Types = types
	case OnDemand, Spot:
		onDemand, spot := map[string]float64{}, map[string]map[string]float64{}
		for line := range strings.Lines(p.Text) {
			cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			usd, err := strconv.ParseFloat(cells[len(cells)-1], 64)
			switch {
			case err != nil || usd <= 0:
				return fmt.Errorf("the prices %q have a line %q without a price above 0", p.Part, line)
			case p.Part == OnDemand && len(cells) == 2:
				onDemand[cells[0]] = usd
			case p.Part == Spot && len(cells) == 3:
				AddSpot(spot, cells[0], cells[1], usd)
			default:
				return fmt.Errorf("the prices %q have a line %q of %d columns", p.Part, line, len(cells))
			}
		}
		if p.Part == OnDemand {
			next.OnDemand = onDemand
		} else {
			next.Spot = spot
		}
	default:
		return fmt.Errorf("a price book has no part %q; its parts are %s", p.Part, strings.Join(Parts(), ", "))
	}
	next.Region, next.At = p.Region, maps.Clone(b.At)
	if next.At == nil {
		next.At = map[string]time.Time{}
	}
	next.At[p.Part] = p.At
	*b = next
	return nil
}

// AddSpot sets the price of a type in a zone.
func AddSpot(spot map[string]map[string]float64, instanceType, zone string, usd float64) {
	if spot[instanceType] == nil {
		spot[instanceType] = map[string]float64{}
	}
	spot[instanceType][zone] = usd
}

// Load reads a region's book. Parts that were never written, or for another region, are
// left empty.
func Load(ctx context.Context, records *store.Records, region string) (Book, error) {
	b := Book{Region: region}
	for _, part := range Parts() {
		p, err := records.Prices(ctx, part)
		switch {
		case store.IsNotFound(err) || err == nil && p.Region != region:
			continue
		case err != nil:
			return Book{}, err
		}
		if err := b.Read(p); err != nil {
			return Book{}, err
		}
	}
	return b, nil
}
