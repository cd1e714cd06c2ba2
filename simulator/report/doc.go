// Package report shows what simulations found: as JSON, as tables for a terminal, and as
// one HTML page with everything in it, plots included, that needs no network and reads in
// dark and in light.
//
// The same results give the same bytes.
package report
