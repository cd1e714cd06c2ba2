package archtest

import (
	"fmt"
	"strings"
	"testing"
)

// A linkRule is about all that ends up in a binary, through whomever.
type linkRule struct {
	packages []string // of this repository, those that it is about
	except   []string
	never    []string // import paths, ours in full
	why      string
}

var (
	boltModule    = []string{"go.etcd.io/bbolt/..."}
	dockerModules = []string{"github.com/moby/...", "github.com/docker/docker/..."}
	everything    = []string{"batch", "scheduler/...", "provisioner/...", "compute/...", "store/...", "logs/...", "lifecycle/...", "control/...",
		"engine/...", "api/...", "simulator/...", "functions/...", "internal/...", "localstack/...", "infra/..."}
)

var linkRules = []linkRule{
	{packages: []string{"functions/..."}, never: append(append([]string{module + "/store/bolt/...", module + "/compute/local/..."}, boltModule...), dockerModules...),
		why: "a Lambda has no disk of its own and no Docker Engine, and whatever it links delays its cold start"},
	{packages: everything, except: []string{"store/bolt/...", "internal/laptop"}, never: boltModule,
		why: "only the home on this machine keeps its records in a file"},
	{packages: everything, except: []string{"compute/local", "compute/local/docker/...", "internal/demo/stage", "internal/laptop"}, never: dockerModules,
		why: "only compute/local/docker speaks with a Docker Engine"},
	{packages: everything, except: []string{"compute/amazon/...", "functions/...", "infra/...", "internal/account/fleet", "internal/account/prices", "internal/fakeaws/...", "localstack/..."}, never: []string{awsModules + "/service/ec2"},
		why: "the client of EC2 is the largest there is, a minute to compile; api answers EC2's calls without it"},
	{packages: []string{"cmd/...", "functions/..."}, never: []string{"testing", "pgregory.net/rapid", "github.com/google/go-cmp/..."},
		why: "what only tests need is not shipped"},
}

// overweight lists what packages of a graph link and should not, with how they come to.
func overweight(g graph) []string {
	var complaints []string
	for _, name := range g.ours() {
		for _, rule := range linkRules {
			if !matches(name, rule.packages) || matches(name, rule.except) {
				continue
			}
			chain := g.link(module+"/"+name, func(path string) bool { return matches(path, rule.never) })
			if chain == nil {
				continue
			}
			how := strings.ReplaceAll(strings.Join(chain, " -> "), module+"/", "")
			complaints = append(complaints, fmt.Sprintf("%s links %s: %s (%s)", name, chain[len(chain)-1], rule.why, how))
		}
	}
	return complaints
}

func TestBinariesLinkOnlyWhatTheyNeed(t *testing.T) {
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			for _, complaint := range overweight(load(t, system)) {
				t.Error(complaint)
			}
		})
	}
}
