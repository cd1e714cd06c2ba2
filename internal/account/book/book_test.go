package book

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// ireland is a small book of eu-west-1.
func ireland() Book {
	return Book{
		Region:   "eu-west-1",
		Types:    []catalog.Type{{Name: "m99g.large", VCPUs: 2, MemoryMiB: 8192, Arch: catalog.ARM, CurrentGeneration: true}},
		OnDemand: map[string]float64{"m6i.large": 0.107, "m99g.large": 0.09},
		Spot: map[string]map[string]float64{
			"m6i.large": {"eu-west-1a": 0.0412, "eu-west-1b": 0.0387, "eu-west-1c": 0.0499},
		},
		At: map[string]time.Time{Types: noon, OnDemand: noon.Add(-time.Hour), Spot: noon.Add(-time.Minute)},
	}
}

func shelve(t *testing.T, r *store.Records, b Book) {
	t.Helper()
	for _, part := range Parts() {
		p, err := b.Write(part)
		if err != nil {
			t.Fatal(err)
		}
		before, err := r.Prices(t.Context(), part)
		if err != nil && !store.IsNotFound(err) {
			t.Fatal(err)
		}
		p.Version = before.Version
		op, err := r.PutPrices(p)
		if err == nil {
			err = r.Write(t.Context(), op)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestABookIsReadAsItWasWritten(t *testing.T) {
	r := store.New(mem.Open(), store.Options{})
	shelve(t, r, ireland())
	got, err := Load(t.Context(), r, "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ireland(), got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	// A table that was moved to another region has prices of the old one.
	got, err = Load(t.Context(), r, "us-west-2")
	if err != nil || got.Len(OnDemand)+got.Len(Spot)+got.Len(Types) > 0 {
		t.Errorf("Load of another region = %+v, %v; want an empty book", got, err)
	}
}

func TestMarket(t *testing.T) {
	m := ireland().Market(noon)
	if x, _ := m.Types.Lookup("m6i.large"); x.OnDemandUSDPerHour != 0.107 || x.VCPUs != 2 {
		t.Errorf("m6i.large = %+v, want the region's 0.107 USD per hour", x)
	}
	if x, ok := m.Types.Lookup("m99g.large"); !ok || x.OnDemandUSDPerHour != 0.09 {
		t.Errorf("m99g.large, which the catalog does not know, = %+v, want it for 0.09 USD per hour", x)
	}
	if got := m.SpotUSDPerHour["m6i.large"]; got != 0.0387 {
		t.Errorf("Spot price of m6i.large = %v, want that of the cheapest zone, 0.0387", got)
	}
	if got, ok := m.SpotUSDPerHour["c5.large"]; ok {
		t.Errorf("Spot price of c5.large = %v, want none: the book has none", got)
	}
}

func TestOldSpotPricesAreNotPlannedWith(t *testing.T) {
	m := ireland().Market(noon.Add(25 * time.Hour))
	if len(m.SpotUSDPerHour) > 0 {
		t.Errorf("a day later Spot prices are %v, want none", m.SpotUSDPerHour)
	}
	if x, _ := m.Types.Lookup("m6i.large"); x.OnDemandUSDPerHour != 0.107 {
		t.Errorf("a day later m6i.large costs %v, want 0.107 as before: On-Demand prices seldom change", x.OnDemandUSDPerHour)
	}
}

func TestAnEmptyBookIsTheCatalog(t *testing.T) {
	m := Book{}.Market(noon)
	if m.Types != catalog.Default() || len(m.SpotUSDPerHour) > 0 {
		t.Errorf("an empty book gives %d Spot prices and another catalog, want the catalog in the program", len(m.SpotUSDPerHour))
	}
}

func TestReadRefusesWhatIsNoTable(t *testing.T) {
	for name, p := range map[string]store.PriceTable{
		"no price":          {Part: OnDemand, Text: "m6i.large\tcheap\n"},
		"a price of 0":      {Part: OnDemand, Text: "m6i.large\t0\n"},
		"a column too few":  {Part: Spot, Text: "m6i.large\t0.04\n"},
		"a column too many": {Part: OnDemand, Text: "m6i.large\ta\t0.04\n"},
		"an unknown part":   {Part: "weather", Text: ""},
		"no number of vCPU": {Part: Types, Text: "m6i.large\tmany\n"},
	} {
		b := ireland()
		if err := b.Read(p); err == nil {
			t.Errorf("%s: Read succeeded", name)
		}
		if diff := cmp.Diff(ireland(), b); diff != "" {
			t.Errorf("%s: the book changed (-before +after):\n%s", name, diff)
		}
	}
}

// ill is a table that cannot be read while it is ill.
type ill struct {
	store.Table
	ill   bool
	reads int
}

func (s *ill) Get(ctx context.Context, key store.Key) (store.Item, error) {
	s.reads++
	if s.ill {
		return store.Item{}, errors.New("throttled")
	}
	return s.Table.Get(ctx, key)
}

func TestAShelfReadsNowAndThenAndKeepsWhatItKnows(t *testing.T) {
	table, now := &ill{Table: mem.Open(), ill: true}, noon
	var log strings.Builder
	records := store.New(table, store.Options{})
	s := &Shelf{Records: records, Region: "eu-west-1", Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, nil))}
	price := func() float64 {
		x, _ := s.Market().Types.Lookup("m6i.large")
		return x.OnDemandUSDPerHour
	}
	if got := price(); got != 0.096 {
		t.Errorf("with records that cannot be read m6i.large costs %v, want 0.096 as the catalog says", got)
	}
	if !strings.Contains(log.String(), "throttled") {
		t.Errorf("the log does not say why: %q", log.String())
	}

	table.ill = false
	shelve(t, records, ireland())
	if got := price(); got != 0.096 {
		t.Errorf("within the same minutes m6i.large costs %v, want 0.096: the records are not read each time", got)
	}
	now = now.Add(readEvery)
	if got := price(); got != 0.107 {
		t.Errorf("minutes later m6i.large costs %v, want 0.107 as the book says", got)
	}
	reads := table.reads
	price()
	if table.reads != reads {
		t.Errorf("a second look read %d records, want none", table.reads-reads)
	}

	table.ill, now = true, now.Add(readEvery)
	if got := price(); got != 0.107 {
		t.Errorf("when the records cannot be read any more m6i.large costs %v, want 0.107 as before", got)
	}
}
