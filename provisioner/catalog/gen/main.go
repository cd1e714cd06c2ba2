// Command gen writes types.tsv, the table of instance types in package catalog.
//
// Sizes come from DescribeInstanceTypes of any EC2 endpoint, prices from the Go
// source of karpenter-provider-aws, which keeps a list of On-Demand prices. A type
// is written where both know it. Neither source becomes a dependency: sizes come
// over HTTP, prices out of the module cache.
//
// A moto server answers with AWS' own dump of the call, and each release has a
// newer dump. To make the table again, start one server for each release named in
// ../generate.go, for example
//
//	python3 -m venv /tmp/moto-5.2.5 && /tmp/moto-5.2.5/bin/pip install 'moto[server,ec2]==5.2.5'
//	/tmp/moto-5.2.5/bin/moto_server -H 127.0.0.1 -p 45525
//
// and run go generate ./provisioner/catalog. With AWS_ACCESS_KEY_ID and
// AWS_SECRET_ACCESS_KEY set, --endpoint https://ec2.us-east-1.amazonaws.com asks
// AWS itself.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// region is whose prices and sizes are read.
const region = "us-east-1"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("gen", flag.ExitOnError)
	var endpoints []endpoint
	flags.Func("endpoint", "`[NAME=]URL` of an EC2 endpoint; may be repeated, the first that knows a type wins", func(s string) error {
		endpoints = append(endpoints, parseEndpoint(s))
		return nil
	})
	source := flags.String("prices", "", "a Go `file` with prices, or the module@version that has it")
	out := flags.String("out", "types.tsv", "the `file` to write")
	date := flags.String("date", time.Now().UTC().Format(time.DateOnly), "the `day` to write into the header")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if len(endpoints) == 0 || *source == "" {
		return fmt.Errorf("--endpoint and --prices are both needed; see the comment of this command")
	}

	prices, err := readPrices(ctx, *source)
	if err != nil {
		return err
	}
	comments := []string{
		fmt.Sprintf("EC2 instance types of %s for Linux. Made by provisioner/catalog/gen on %s; do not edit.", region, *date),
		fmt.Sprintf("prices: On-Demand, %s, %s (Apache-2.0)", prices.source, prices.note),
	}
	priced := make(map[string]catalog.Type)
	for _, e := range endpoints {
		sizes, err := describeAll(ctx, e.url)
		if err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
		used := 0
		for _, t := range sizes {
			price, ok := prices.usdPerHour[t.Name]
			if _, known := priced[t.Name]; !ok || known {
				continue
			}
			t.OnDemandUSDPerHour = price
			priced[t.Name] = t
			used++
		}
		comments = append(comments, fmt.Sprintf("sizes: DescribeInstanceTypes as %s answers it, %d types", e.name, used))
		fmt.Fprintf(os.Stderr, "%s: %d types, %d of them priced and new\n", e.name, len(sizes), used)
	}

	types := slices.SortedFunc(maps.Values(priced), func(a, b catalog.Type) int { return strings.Compare(a.Name, b.Name) })
	var table bytes.Buffer
	if err := catalog.WriteTable(&table, comments, types); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(prices.usdPerHour)) {
		if _, ok := priced[name]; !ok {
			fmt.Fprintf(os.Stderr, "left out: %s has a price and no size\n", name)
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %d types, %d bytes\n", *out, len(types), table.Len())
	return os.WriteFile(*out, table.Bytes(), 0o644)
}

// endpoint is where to ask, and what to call it in the header of the table.
type endpoint struct{ name, url string }

func parseEndpoint(s string) endpoint {
	if name, url, ok := strings.Cut(s, "=http"); ok {
		return endpoint{name: name, url: "http" + url}
	}
	return endpoint{name: s, url: s}
}
