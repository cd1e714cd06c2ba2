package demo

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/dustin/go-humanize"
)

// MaxShards bounds how finely the files can be divided: an array of AWS Batch has at
// most so many children.
const MaxShards = 10_000

// Count is the task that counts the files of one shard.
type Count struct {
	Source        string // a folder, or BuiltIn
	Results       Results
	Shard, Shards int // Shard is from 0
	Now           func() time.Time
}

// counted is what Count leaves for Merge.
type counted struct {
	From, To time.Time // between which it ran
	Tally
}

// Run counts, and says on out what it does.
func (c Count) Run(ctx context.Context, out io.Writer) error {
	if err := c.Results.check(); err != nil {
		return err
	}
	if c.Shards < 1 || c.Shards > MaxShards || c.Shard < 0 || c.Shard >= c.Shards {
		return fmt.Errorf("shard %d of %d is none: --shards is from 1 to %d, --shard from 0 and below it", c.Shard, c.Shards, MaxShards)
	}
	source, err := Source(c.Source)
	if err != nil {
		return err
	}
	done := counted{From: c.Now()}
	files, err := goFiles(source, c.Shard, c.Shards)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Shard %d of %d has %s Go files of %s.\n", c.Shard, c.Shards, comma(len(files)), c.Source)
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return err
		}
		done.add(name, text)
	}
	done.To = c.Now()
	if err := writeWhole(c.Results.countsPath(c.Shard, c.Shards), done); err != nil {
		return err
	}
	fmt.Fprintf(out, "Counted %s identifiers, %s of them different, in %s lines (%s) in %.1f s.\n",
		comma(done.Identifiers), comma(len(done.Uses)),
		comma(done.Lines), humanize.Bytes(uint64(done.Bytes)), done.To.Sub(done.From).Seconds())
	return nil
}
