package archtest

import (
	"fmt"
	"testing"
)

// A layer is packages with the same right to import. The first that matches counts.
type layer struct {
	packages []string // of this repository
	ours     []string // what they may import of this repository
	outside  []string // what they may import of other modules; nil: anything
	pure     bool     // they read no clock, file, network or environment
	why      string   // what is lost if they import more
}

// nothing is for layer.outside.
var nothing = []string{}

const awsModules = "github.com/aws/aws-sdk-go-v2"

// wireTypes are the shapes of AWS Batch, which the domain keeps as they are.
var wireTypes = []string{
	awsModules + "/aws", awsModules + "/service/batch", awsModules + "/service/batch/types", "github.com/aws/smithy-go/ptr",
}

// impure are packages of the standard library through which the world gets in.
var impure = []string{
	"database/sql/...", "log/...", "math/rand", "net/...", "os/...", "syscall", "testing/...",
}

// core is what doors and wiring stand on: everything but backends and other doors.
var core = []string{
	"batch", "compute", "control/...", "engine/...", "lifecycle/...", "logs/...", "provisioner/...", "scheduler/...", "store",
	"internal/invocation", "internal/pause", "internal/sigv4", "internal/wire",
}

func with(more ...string) []string { return append(more, core...) }

const (
	whyPure     = "decisions are pure: a snapshot and the time in, a plan out, so that they can be replayed, simulated and explained"
	whyContract = "a backend knows only its own contract, so that any store goes with any compute"
	whyWriters  = "control answers people and engine passes time; both write through lifecycle and store, and neither knows the other, a backend or a door"
	whyDoor     = "doors parse, call and answer; which backends there are is decided where everything is wired"
	whyHelper   = "a helper has one subject and no opinion about the product"
)

var layers = []layer{
	{packages: []string{"batch"}, outside: wireTypes, pure: true,
		why: "the domain is what all others talk about; it knows the shapes of the wire and nobody"},

	{packages: []string{"scheduler/..."}, ours: []string{"batch", "scheduler/..."}, outside: nothing, pure: true, why: whyPure},
	{packages: []string{"provisioner/catalog/gen"}, ours: []string{"provisioner/catalog"},
		why: "a program that writes the catalog's data, run by hand"},
	{packages: []string{"provisioner/..."}, ours: []string{"batch", "provisioner/..."}, outside: nothing, pure: true, why: whyPure},

	{packages: []string{"compute"}, ours: []string{"batch"}, outside: wireTypes, why: "the contract of hosts and tasks is said in terms of the domain"},
	{packages: []string{"compute/computetest"}, ours: []string{"batch", "compute"}, why: "the promises are those of the contract, not of one backend"},
	{packages: []string{"compute/imitation"}, ours: []string{"batch", "compute"}, outside: nothing, why: whyContract},
	{packages: []string{"compute/sim/..."}, ours: []string{"batch", "compute", "compute/imitation", "compute/sim/..."}, outside: nothing, why: whyContract},
	{packages: []string{"compute/local/process/supervisor"}, ours: []string{"logs/logfile"}, outside: nothing,
		why: "it starts with every task, so it links next to nothing"},
	{packages: []string{"compute/local/..."}, ours: []string{"batch", "compute", "compute/imitation", "compute/local/...", "logs/..."}, why: whyContract},
	{packages: []string{"compute/amazon/..."}, ours: []string{"batch", "compute", "compute/amazon/..."}, why: whyContract},

	{packages: []string{"store"}, ours: []string{"batch", "compute", "internal/wire"}, outside: wireTypes,
		why: "records are typed once, above every table; of compute they use the words for hosts"},
	{packages: []string{"store/rules"}, ours: []string{"store"}, outside: nothing, why: whyContract},
	{packages: []string{"store/storetest"}, ours: []string{"store", "store/mem"}, why: "the promises are those of the contract, with memory as the model"},
	{packages: []string{"store/mem"}, ours: []string{"store", "store/rules"}, why: whyContract},
	{packages: []string{"store/bolt/..."}, ours: []string{"store", "store/rules", "store/bolt/..."}, why: whyContract},
	{packages: []string{"store/dynamo/..."}, ours: []string{"store", "store/rules", "store/dynamo/..."}, why: whyContract},

	{packages: []string{"logs/..."}, ours: []string{"logs/..."}, why: "lines of a task are kept and found without knowing what a job is"},

	{packages: []string{"lifecycle/..."}, ours: []string{"batch", "store", "lifecycle/..."}, why: whyWriters},
	{packages: []string{"control/..."}, why: whyWriters,
		ours: []string{"batch", "control/...", "internal/invocation", "internal/wire", "lifecycle/...", "provisioner/catalog", "store"}},
	{packages: []string{"engine/..."}, why: whyWriters,
		ours: []string{"batch", "compute", "engine/...", "lifecycle/...", "provisioner/...", "scheduler/...", "store"}},

	{packages: []string{"api/..."}, why: whyDoor, ours: []string{
		"api/...", "batch", "compute", "logs/...", "provisioner/catalog", "internal/invocation", "internal/sigv4", "internal/wire"}},
	{packages: []string{"simulator/..."}, ours: with("simulator/...", "compute/imitation", "compute/sim/...", "internal/home", "store/mem"),
		why: "the simulator drives the real engine, in memory and on virtual time"},

	{packages: []string{"internal/home"}, ours: with("api"),
		why: "what is the same in all homes is wired once, for whatever backends it is given"},
	{packages: []string{"internal/laptop"}, why: "the home on this machine: one bbolt file, containers or processes",
		ours: with("api", "compute/local/...", "internal/demo/...", "internal/home", "store/bolt")},
	{packages: []string{"internal/account/book"}, ours: []string{"provisioner/catalog", "store"}, outside: nothing,
		why: "all functions read prices; those that only answer link no client of EC2"},
	{packages: []string{"internal/account/prices"}, ours: []string{"internal/account/book", "provisioner/catalog", "store"},
		why: "it asks AWS and writes down the answer"},
	{packages: []string{"internal/account"}, why: "the home in an AWS account; functions that only answer link neither EC2 nor ECS",
		ours: with("api", "internal/account/book", "internal/home", "store/dynamo")},
	{packages: []string{"internal/account/..."}, why: "the home in an AWS account, with hosts and tasks",
		ours: with("api", "compute/amazon", "internal/account/...", "internal/home", "store/dynamo")},
	{packages: []string{"internal/functionurl", "internal/pause", "internal/sqsevent"}, why: whyHelper},
	{packages: []string{"infra"}, why: "the template is text, and says what it has"},
	{packages: []string{"infra/zip"}, outside: nothing, why: "it packs a file"},
	{packages: []string{"infra/fleet"}, ours: []string{"infra", "internal/deploy"}, why: "the client of EC2, for those who deploy"},
	{packages: []string{"internal/deploy"}, ours: []string{"infra", "internal/pause"},
		why: "deploying knows the template and AWS, and nothing of what is deployed"},
	{packages: []string{"internal/cli/..."}, ours: []string{"batch", "infra", "internal/cli/...", "internal/deploy", "internal/pause", "internal/wire", "provisioner/catalog", "provisioner/packing"},
		why: "the client commands know the wire and plain arithmetic, so that they work with any server that speaks it"},
	{packages: []string{"internal/demo/stage"}, ours: []string{"compute/local/docker", "internal/demo", "internal/wire"},
		why: "it makes what the demo's jobs need on the server's machine"},
	{packages: []string{"internal/demo/..."}, ours: []string{"internal/demo/..."},
		why: "the demo is a client like any other, and its tasks know nothing of Packhorse"},
	{packages: []string{"internal/wire/...", "internal/sigv4", "internal/invocation"}, ours: []string{"internal/wire"}, why: whyHelper},
	{packages: []string{"internal/fakeaws/..."}, ours: []string{"batch", "internal/fakeaws/...", "internal/wire", "logs/...", "provisioner/catalog"},
		why: "tests stand on it, so it knows AWS and nothing of what is tested"},
	{packages: []string{"internal/archtest"}, why: whyHelper},

	{packages: []string{"functions/..."}, why: "a Lambda's main.go is wiring only, of the backends that an AWS account has",
		ours: with("api", "compute/amazon/...", "functions/...", "internal/...", "store/dynamo/...")},
	{packages: []string{"localstack/...", "infra/..."}, ours: []string{"..."}, why: "they start and fill what others run against"},
	{packages: []string{"bench/...", "cmd/...", "test/..."}, ours: []string{"..."}, why: "programs wire, and so do tests of the whole"},
}

func layerOf(name string) (layer, bool) {
	for _, l := range layers {
		if matches(name, l.packages) {
			return l, true
		}
	}
	return layer{}, false
}

// outward lists the imports of a graph that the layers do not allow.
func outward(g graph) []string {
	var complaints []string
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	for _, name := range g.ours() {
		l, ok := layerOf(name)
		if !ok {
			complain("%s is in no layer: add it to the table in internal/archtest/layers_test.go, with what it may import and why", name)
			continue
		}
		for _, path := range g[module+"/"+name].Imports {
			ours, isOurs := inside(path)
			switch {
			case isOurs && !matches(ours, l.ours) && !matches("...", l.ours):
				complain("%s imports %s, which its layer may not: %s", name, ours, l.why)
			case isOurs:
			case g[path].Standard:
				if l.pure && matches(path, impure) {
					complain("%s imports %s: %s", name, path, l.why)
				}
			case l.outside != nil && !matches(path, l.outside):
				complain("%s imports %s, a module from outside: %s", name, path, l.why)
			}
		}
	}
	return complaints
}

func TestImportsPointInward(t *testing.T) {
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			for _, complaint := range outward(load(t, system)) {
				t.Error(complaint)
			}
		})
	}
}
