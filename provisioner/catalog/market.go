package catalog

import (
	"maps"
	"reflect"
	"slices"
)

// Market is what a region sells at a moment, and for how much. Nobody changes it once it is
// made; when prices have moved there is another.
type Market struct {
	// Types are the types there are, with their On-Demand prices.
	Types *Catalog
	// SpotUSDPerHour is the Spot price by type, where it is known: in the zone where it is
	// lowest, since a launch may choose among zones.
	SpotUSDPerHour map[string]float64
}

// Same reports whether o is no other market than m.
func (m Market) Same(o Market) bool {
	if m.Types != o.Types {
		return false
	}
	// There are hundreds of prices, and mostly the map is the very same.
	if reflect.ValueOf(m.SpotUSDPerHour).Pointer() == reflect.ValueOf(o.SpotUSDPerHour).Pointer() {
		return true
	}
	return maps.Equal(m.SpotUSDPerHour, o.SpotUSDPerHour)
}

// With returns c with other On-Demand prices and further types.
//
// usdPerHour replaces the price of each type that it names. more are types that c may not
// know: they join with their price in usdPerHour, and without one they are left out,
// since nothing could be planned with them. What c knows of a type besides its price
// stays; so do types that neither names. Types of more that New would refuse are left
// out. Prices that are not above 0 count as unknown.
func (c *Catalog) With(usdPerHour map[string]float64, more []Type) *Catalog {
	types := make(map[string]Type, len(c.types)+len(more))
	for _, t := range more {
		if t.OnDemandUSDPerHour = usdPerHour[t.Name]; t.OnDemandUSDPerHour <= 0 {
			continue
		}
		if one, err := New([]Type{t}); err == nil {
			types[t.Name] = one.types[0]
		}
	}
	for _, t := range c.types {
		if usd := usdPerHour[t.Name]; usd > 0 {
			t.OnDemandUSDPerHour = usd
		}
		types[t.Name] = t
	}
	out, err := New(slices.Collect(maps.Values(types)))
	if err != nil {
		panic(err) // each of them was accepted before, and no name is there twice
	}
	return out
}
