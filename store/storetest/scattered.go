package storetest

import "github.com/packhorse-batch/packhorse/store"

// Scattered wraps table so that it counts as one that keeps its partitions in no order,
// as DynamoDB does: what Packhorse does otherwise there can be tested without it.
func Scattered(table store.Table) store.Scattered { return scattered{table} }

type scattered struct{ store.Table }

func (scattered) Scattered() {}
