package amazon

import (
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/provisioner/catalog"
)

func TestKindOf(t *testing.T) {
	tests := map[string]kind{
		"m5.large":            {},
		"c7i-flex.large":      {},
		"u7in-16tb.224xlarge": {},
		"m7g.large":           {arm: true},
		"c6gn.medium":         {arm: true},
		"a1.large":            {arm: true},
		"g4dn.xlarge":         {nvidia: true},
		"g4ad.xlarge":         {},
		"p4de.24xlarge":       {nvidia: true},
		"p6-b200.48xlarge":    {nvidia: true},
		"g5g.xlarge":          {arm: true, nvidia: true},
		"gr6.4xlarge":         {nvidia: true},
		"is4gen.large":        {arm: true},
		"":                    {},
	}
	for name, want := range tests {
		if got := kindOf(name); got != want {
			t.Errorf("kindOf(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestKindOfEveryTypeOfTheCatalog(t *testing.T) {
	for _, typ := range catalog.Default().All() {
		got := kindOf(typ.Name)
		if arm := typ.Arch == catalog.ARM; got.arm != arm {
			t.Errorf("kindOf(%q).arm = %t, and DescribeInstanceTypes says %s", typ.Name, got.arm, typ.Arch)
		}
		if nvidia := strings.HasPrefix(typ.GPUModel, "NVIDIA"); got.nvidia != nvidia {
			t.Errorf("kindOf(%q).nvidia = %t, and DescribeInstanceTypes says %q", typ.Name, got.nvidia, typ.GPUModel)
		}
	}
}
