package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// Where karpenter-provider-aws keeps its list: a generated file with one variable,
// a map from region to a map from type to dollars an hour.
const (
	pricesFile     = "pkg/providers/pricing/zz_generated.pricing_aws.go"
	pricesVariable = "InitialOnDemandPricesAWS"
)

// priceList is the On-Demand prices of one region and where they are from.
type priceList struct {
	usdPerHour map[string]float64
	source     string // module@version and its checksum, or a file
	note       string // what the source says of its date
}

// readPrices reads a Go file, or the file of that purpose in module@version.
func readPrices(ctx context.Context, source string) (priceList, error) {
	if _, version, ok := strings.Cut(source, "@"); ok && version != "" {
		return readModulePrices(ctx, source)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		return priceList{}, fmt.Errorf("--prices %q is no file and no module@version: %w", source, err)
	}
	return parsePrices(text, source)
}

// readModulePrices has the go command fetch the module into its cache, from
// outside any module so that no go.mod changes, and reads the one file from the
// zip. The zip is there even where go reports that it is too old to build the
// module, which does not matter here.
func readModulePrices(ctx context.Context, module string) (priceList, error) {
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	download.Dir = os.TempDir()
	download.Stderr = os.Stderr
	report, runErr := download.Output()
	var got struct{ Zip, Sum, Error string }
	if err := json.Unmarshal(report, &got); err != nil {
		return priceList{}, fmt.Errorf("go mod download %s: %w", module, runErr)
	}
	if got.Zip == "" {
		return priceList{}, fmt.Errorf("go mod download %s: %s", module, got.Error)
	}
	archive, err := zip.OpenReader(got.Zip)
	if err != nil {
		return priceList{}, err
	}
	defer archive.Close()
	file, err := archive.Open(module + "/" + pricesFile)
	if err != nil {
		return priceList{}, fmt.Errorf("%s has no %s any more; choose another version: %w", module, pricesFile, err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return priceList{}, err
	}
	return parsePrices(text, module+" "+got.Sum)
}

var generatedAt = regexp.MustCompile(`(?m)^// (generated at .*)$`)

// parsePrices reads the prices of region out of Go source, without compiling it.
func parsePrices(text []byte, source string) (priceList, error) {
	file, err := parser.ParseFile(token.NewFileSet(), source, text, parser.SkipObjectResolution)
	if err != nil {
		return priceList{}, err
	}
	list := priceList{usdPerHour: make(map[string]float64), source: source, note: "date not given"}
	if m := generatedAt.FindSubmatch(text); m != nil {
		list.note = string(bytes.TrimSpace(m[1]))
	}
	var bad error
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != pricesVariable || len(spec.Values) != 1 {
			return true
		}
		for _, r := range entries(spec.Values[0]) {
			if unquote(r.Key) != region {
				continue
			}
			for _, e := range entries(r.Value) {
				usd, err := strconv.ParseFloat(literal(e.Value), 64)
				if err != nil || usd <= 0 {
					bad = fmt.Errorf("%s: the price of %s is %q, not a number above 0", source, unquote(e.Key), literal(e.Value))
				}
				list.usdPerHour[unquote(e.Key)] = usd
			}
		}
		return false
	})
	if bad != nil {
		return priceList{}, bad
	}
	if len(list.usdPerHour) == 0 {
		return priceList{}, fmt.Errorf("%s has no prices for %s in a variable %s", source, region, pricesVariable)
	}
	return list, nil
}

// entries returns the key: value pairs of a map literal.
func entries(e ast.Expr) []*ast.KeyValueExpr {
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	var pairs []*ast.KeyValueExpr
	for _, elt := range lit.Elts {
		if pair, ok := elt.(*ast.KeyValueExpr); ok {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok {
		return lit.Value
	}
	return ""
}

func unquote(e ast.Expr) string {
	s, _ := strconv.Unquote(literal(e))
	return s
}
