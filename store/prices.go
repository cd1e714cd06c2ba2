package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/packhorse-batch/packhorse/batch"
)

// PriceTable is one part of what a region's capacity costs, as AWS told it: the types there
// are, On-Demand prices, Spot prices. Its form is the business of who writes it; here it
// is a text with a time.
type PriceTable struct {
	Version int64
	// Part names it, "spot" for example. Each part is asked for in its own time.
	Part string
	// Region is where the prices hold.
	Region string
	// At is when AWS was asked.
	At time.Time
	// Text is a table of lines. It is stored compressed, to a quarter or less.
	Text string
}

// storedPrices is a PriceTable as it is kept.
type storedPrices struct {
	Region string       `json:"r"`
	At     batch.Millis `json:"t"`
	Zipped []byte       `json:"z"`
}

// maxPriceText bounds what a record may grow to when it is read, in bytes. The prices of
// all types in all zones of the largest region are about 200 KB.
const maxPriceText = 16 << 20

func priceKey(part string) Key { return Key{"prices", part} }

// PutPrices writes a part over the version that was read. A part that is too large for one
// record, compressed, is an error.
func (r *Records) PutPrices(p PriceTable) (Op, error) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := io.WriteString(w, p.Text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return Op{}, fmt.Errorf("store: compress the prices %q: %w", p.Part, err)
	}
	op := put(priceKey(p.Part), p.Version, storedPrices{p.Region, batch.MillisOf(p.At), zipped.Bytes()}, time.Time{})
	if len(op.Item.Data) > MaxItemBytes {
		return Op{}, fmt.Errorf("store: the prices %q have %d bytes, compressed, and a record holds %d: divide them into parts",
			p.Part, len(op.Item.Data), MaxItemBytes)
	}
	return op, nil
}

// Prices returns a part, or ErrNotFound.
func (r *Records) Prices(ctx context.Context, part string) (PriceTable, error) {
	var s storedPrices
	version, err := get(ctx, r.table, priceKey(part), &s)
	if err != nil {
		return PriceTable{}, err
	}
	p := PriceTable{Version: version, Part: part, Region: s.Region, At: s.At.Time()}
	zipped, err := gzip.NewReader(bytes.NewReader(s.Zipped))
	if err == nil {
		var text []byte
		text, err = io.ReadAll(io.LimitReader(zipped, maxPriceText))
		p.Text = string(text)
	}
	if err != nil {
		return PriceTable{}, fmt.Errorf("store: record %s is not readable: %w", priceKey(part), err)
	}
	return p, nil
}
