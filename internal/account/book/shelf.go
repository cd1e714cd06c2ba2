package book

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
)

// How often the records are read. Prices change more seldom than that by far.
const (
	readEvery = 5 * time.Minute
	// patience bounds one reading: who asks is in the middle of a pass.
	patience = 3 * time.Second
)

// Shelf gives the market of a deployment's region, from records that it reads now and then.
// It is safe for use by many goroutines. Options are set before its first use.
type Shelf struct {
	Records *store.Records
	Region  string
	Now     func() time.Time
	Log     *slog.Logger

	mu     sync.Mutex
	next   time.Time // when the records are read again
	market catalog.Market
}

// Market returns what there is and what it costs. When the records cannot be read it is
// what it was; at first, the catalog in the program.
func (s *Shelf) Market() catalog.Market {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if now.Before(s.next) {
		return s.market
	}
	s.next = now.Add(readEvery)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := Load(ctx, s.Records, s.Region)
	switch {
	case err == nil:
		s.market = b.Market(now)
	case s.market.Types == nil:
		s.market = catalog.Market{Types: catalog.Default()}
		fallthrough
	default:
		s.Log.Warn("the prices of the region cannot be read; what was known of them stays in use", "region", s.Region, "againAt", s.next, "error", err)
	}
	return s.market
}
