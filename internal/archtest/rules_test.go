package archtest

import (
	"slices"
	"strings"
	"testing"
)

// imports makes a graph: each of our packages, by its path in the repository, with
// what it imports. Whatever has no dot in its path is of the standard library.
func imports(packages map[string]string) graph {
	g := graph{}
	add := func(path string, names []string) {
		g[path] = pkg{ImportPath: path, Imports: names, Standard: !strings.Contains(strings.SplitN(path, "/", 2)[0], ".")}
	}
	for name, list := range packages {
		paths := strings.Fields(strings.ReplaceAll(list, "~", module))
		for _, path := range paths {
			if _, known := g[path]; !known {
				add(path, nil)
			}
		}
		add(module+"/"+name, paths)
	}
	return g
}

// TestTheRulesSeeMistakes makes the mistakes that the rules are against. In imports,
// ~ is this module.
func TestTheRulesSeeMistakes(t *testing.T) {
	tests := map[string]struct {
		packages map[string]string
		want     string // part of the only complaint; "" if there is none
	}{
		"the domain uses the wire's types": {
			map[string]string{"batch": "time github.com/aws/aws-sdk-go-v2/service/batch/types"}, ""},
		"the domain asks the store": {
			map[string]string{"batch": "~/store"}, "batch imports store, which its layer may not"},
		"scheduler takes a library": {
			map[string]string{"scheduler": "~/batch github.com/tidwall/btree"}, "scheduler imports github.com/tidwall/btree, a module from outside"},
		"scheduler reads a file": {
			map[string]string{"scheduler": "~/batch os"}, "scheduler imports os: decisions are pure"},
		"scheduler knows provisioner": {
			map[string]string{"scheduler": "~/provisioner"}, "scheduler imports provisioner"},
		"provisioner knows its catalog": {
			map[string]string{"provisioner": "~/batch ~/provisioner/catalog"}, ""},
		"a backend knows another": {
			map[string]string{"store/bolt": "~/store ~/store/mem"}, "store/bolt imports store/mem"},
		"control calls engine": {
			map[string]string{"control/jobs": "~/engine"}, "control/jobs imports engine"},
		"engine calls control": {
			map[string]string{"engine": "~/control"}, "engine imports control"},
		"a door opens a table": {
			map[string]string{"api": "~/store/mem"}, "api imports store/mem"},
		"a package that nobody placed": {
			map[string]string{"util": "fmt"}, "util is in no layer"},
		"a Lambda runs tasks on its own machine": {
			map[string]string{"functions/pass": "~/compute/local"}, "functions/pass imports compute/local"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			expectOnly(t, outwardOf(test.packages), test.want)
		})
	}
}

// outwardOf looks only at the packages that were made, not at those they name.
func outwardOf(packages map[string]string) []string {
	g := imports(packages)
	for path := range g {
		if name, ok := inside(path); ok {
			if _, made := packages[name]; !made {
				delete(g, path)
			}
		}
	}
	return outward(g)
}

func TestTheRulesSeeWhatIsLinked(t *testing.T) {
	tests := map[string]struct {
		packages map[string]string
		want     string
	}{
		"a Lambda links bbolt through others": {
			map[string]string{"functions/pass": "~/cmd/shared", "cmd/shared": "~/store/bolt", "store/bolt": "go.etcd.io/bbolt"},
			"(functions/pass -> cmd/shared -> store/bolt)"},
		"a Lambda links Docker through others": {
			map[string]string{"functions/api": "~/cmd/shared", "cmd/shared": "github.com/moby/moby/client"},
			"functions/api links github.com/moby/moby/client: a Lambda has no disk"},
		"engine speaks with Docker": {
			map[string]string{"engine": "github.com/moby/moby/client"}, "engine links github.com/moby/moby/client: only compute/local/docker"},
		"the laptop links both": {
			map[string]string{"cmd/packhorse": "~/internal/laptop", "internal/laptop": "~/store/bolt ~/compute/local", "store/bolt": "go.etcd.io/bbolt",
				"compute/local": "~/compute/local/docker", "compute/local/docker": "github.com/moby/moby/client"}, ""},
		"a suite is shipped": {
			map[string]string{"cmd/packhorse": "~/store/storetest", "store/storetest": "testing"}, "cmd/packhorse links testing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			expectOnly(t, firstOf(overweight(imports(test.packages))), test.want)
		})
	}
}

// firstOf drops the complaints of other rules about the same mistake.
func firstOf(complaints []string) []string { return complaints[:min(1, len(complaints))] }

func expectOnly(t *testing.T, complaints []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(complaints) > 0:
		t.Errorf("complaints %q, want none", complaints)
	case want != "" && (len(complaints) != 1 || !strings.Contains(complaints[0], want)):
		t.Errorf("complaints %q, want one with %q", complaints, want)
	}
}

// A rule about what is not there any more, or not yet, holds nothing.
func TestRulesAreAboutWhatThereIs(t *testing.T) {
	names := load(t, systems[0]).ours()
	for _, l := range layers {
		for _, pattern := range slices.Concat(l.packages, l.ours) {
			if pattern != "..." && !slices.ContainsFunc(names, func(name string) bool { return matches(name, []string{pattern}) }) {
				t.Errorf("the layer of %s names %s, which is no package", l.packages[0], pattern)
			}
		}
	}
	for _, rule := range linkRules {
		for _, pattern := range slices.Concat(rule.packages, rule.except) {
			if !slices.ContainsFunc(names, func(name string) bool { return matches(name, []string{pattern}) }) {
				t.Errorf("the rule about links of %s names %s, which is no package", rule.packages[0], pattern)
			}
		}
	}
}
