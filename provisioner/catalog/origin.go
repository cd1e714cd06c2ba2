package catalog

import (
	"fmt"
	"regexp"
	"sync"
	"time"
)

// Origin says where the facts of Default are from.
type Origin struct {
	Region string
	// MadeAt is the day on which the table was made.
	MadeAt time.Time
	// PricesAt is when the On-Demand prices were published.
	PricesAt time.Time
}

// The lines at the head of the table that tell, as gen writes them.
var (
	madeLine   = regexp.MustCompile(`(?m)^# EC2 instance types of (\S+) for Linux\. Made by \S+ on (\S+);`)
	pricesLine = regexp.MustCompile(`(?m)^# prices: On-Demand, .* generated at (\S+) for (\S+)`)
)

// DefaultOrigin returns the origin of Default's table.
var DefaultOrigin = sync.OnceValue(func() Origin {
	o, err := readOrigin(embedded)
	if err != nil {
		panic(err) // types.tsv is part of the program, and a test reads it
	}
	return o
})

// readOrigin reads the head of a table.
func readOrigin(table string) (Origin, error) {
	made, prices := madeLine.FindStringSubmatch(table), pricesLine.FindStringSubmatch(table)
	if made == nil || prices == nil {
		return Origin{}, fmt.Errorf("catalog: the head of the table does not say where its facts are from; make it with provisioner/catalog/gen")
	}
	day, err := time.Parse(time.DateOnly, made[2])
	if err != nil {
		return Origin{}, fmt.Errorf("catalog: the day on which the table was made: %w", err)
	}
	at, err := time.Parse(time.RFC3339, prices[1])
	if err != nil {
		return Origin{}, fmt.Errorf("catalog: the time of the prices: %w", err)
	}
	return Origin{Region: made[1], MadeAt: day, PricesAt: at}, nil
}
