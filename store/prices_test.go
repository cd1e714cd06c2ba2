package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

func TestPricesAreKeptWithTheirTime(t *testing.T) {
	r, ctx := store.New(mem.Open(), store.Options{}), t.Context()
	if _, err := r.Prices(ctx, "spot"); !store.IsNotFound(err) {
		t.Errorf("prices that were never written = %v, want ErrNotFound", err)
	}
	want := store.PriceTable{
		Part: "spot", Region: "eu-west-1", At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		Text: strings.Repeat("m6i.large\teu-west-1a\t0.0371\n", 20_000),
	}
	write(t, r, want)
	got, err := r.Prices(ctx, "spot")
	if err != nil {
		t.Fatal(err)
	}
	want.Version = 1
	got.At = got.At.UTC()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}

	// Whoever read an older version does not write over a newer one.
	write(t, r, got)
	op, err := r.PutPrices(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(ctx, op); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a second write at version 1 = %v, want ErrConflict", err)
	}
}

func write(t *testing.T, r *store.Records, p store.PriceTable) {
	t.Helper()
	op, err := r.PutPrices(p)
	if err == nil {
		err = r.Write(t.Context(), op)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestPricesThatNoRecordHoldsAreRefused(t *testing.T) {
	r, chance := store.New(mem.Open(), store.Options{}), rand.New(rand.NewPCG(1, 1))
	var text strings.Builder
	for text.Len() < 4<<20 {
		fmt.Fprintf(&text, "%x\n", chance.Uint64())
	}
	_, err := r.PutPrices(store.PriceTable{Part: "spot", Text: text.String()})
	if err == nil || !strings.Contains(err.Error(), `"spot"`) {
		t.Errorf("PutPrices of 4 MiB of noise = %v, want an error that names the part", err)
	}
}
