package home

import (
	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

// still is a market where nothing changes: nil is the catalog in the program.
func still(types *catalog.Catalog) func() catalog.Market {
	if types == nil {
		types = catalog.Default()
	}
	return func() catalog.Market { return catalog.Market{Types: types} }
}

// onSale are the types that a market has now.
type onSale func() catalog.Market

var _ control.TypeSource = onSale(nil)

// Expand returns the types that the instanceTypes of an environment mean.
func (m onSale) Expand(instanceTypes []string) (types []catalog.Type, unknown []string) {
	return m().Types.Expand(instanceTypes)
}
