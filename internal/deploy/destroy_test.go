package deploy_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/infra"
	"github.com/packhorse-batch/packhorse/internal/deploy"
)

const group = "/aws/batch/job"

// busy is a cloud with a deployment that has worked and works.
func busy(t *testing.T) *cloud {
	c := newCloud(t)
	c.deployed()
	if _, _, err := c.account.CreateKey(t.Context(), "packhorse", deploy.Admin); err != nil {
		t.Fatal(err)
	}
	c.fleet.hosts = []deploy.Instance{{ID: "i-1", Type: "m5.large", State: "running"}}
	c.fleet.templates = []string{"lt-1", "lt-2"}
	c.ecs.cluster, c.ecs.tasks, c.ecs.hosts = "cluster/fleet_Batch_1", []string{"task-1", "task-2"}, []string{"container-instance-1"}
	c.ecs.definitions = map[string]string{}
	for _, revision := range strings.Split("123456789abcd", "") { // more than one call deletes
		c.ecs.definitions["packhorse-packhorse-align:"+revision] = "packhorse"
	}
	return c
}

func TestDestroyRefusesWhileHostsOrTasksLive(t *testing.T) {
	c := busy(t)
	err := c.destroy(false)
	want := "the deployment packhorse has 1 host and 2 tasks that live: i-1 (m5.large, running)"
	if !errors.Is(err, deploy.ErrAlive) || err.Error() != want {
		t.Errorf("destroy = %v, want %s", err, want)
	}
	if len(c.stacks.calls) > 0 || len(c.fleet.ending) > 0 {
		t.Errorf("destroy did %q and ended %q before it refused, want nothing", c.stacks.calls, c.fleet.ending)
	}
}

func TestDestroyWithForceLeavesNothing(t *testing.T) {
	c := busy(t)
	if err := c.destroy(true); err != nil {
		t.Fatalf("destroy: %v", err)
	}
	if len(c.fleet.hosts)+len(c.fleet.templates)+len(c.ecs.definitions)+len(c.ecs.tasks)+len(c.store.values)+len(c.logs.groups) > 0 ||
		c.ecs.cluster != "" || c.objects.name != "" {
		t.Errorf("left: hosts %v, launch templates %v, task definitions %v, tasks %v, parameters %v, log groups %v, cluster %q, bucket %q",
			c.fleet.hosts, c.fleet.templates, c.ecs.definitions, c.ecs.tasks, c.store.values, c.logs.groups, c.ecs.cluster, c.objects.name)
	}
	for _, s := range c.stacks.stacks {
		if s.StackStatus != "DELETE_COMPLETE" {
			t.Errorf("the stack is %s", s.StackStatus)
		}
	}
	// The scheduler first, or it would launch anew; hosts before the roles they use.
	order := []string{
		"stopping the scheduler", "UPDATE_COMPLETE packhorse", "ending 1 host and 2 tasks", "DELETE_COMPLETE packhorse",
		"deleted the stack packhorse", "removed 1 cluster", "removed 13 task definitions", "removed 2 launch templates",
		"removed 1 access key", "removed 1 log group", "removed 5 zipped functions", "deleted the bucket packhorse-artifacts-123456789012-eu-central-1",
	}
	last := -1
	for _, step := range order {
		at := c.said(step)
		if at <= last {
			t.Errorf("%q was told in place %d, want after %d; all: %q", step, at, last, c.steps)
		}
		last = at
	}
	if err := c.destroy(true); !errors.Is(err, deploy.ErrNone) {
		t.Errorf("destroy again = %v, want that there is none", err)
	}
}

// A pass that was under way when the scheduler was stopped may launch one more.
func TestDestroyEndsWhatIsLaunchedMeanwhile(t *testing.T) {
	c := newCloud(t)
	c.deployed()
	c.fleet.launches = []deploy.Instance{{ID: "i-late"}}
	if err := c.destroy(false); err != nil || len(c.fleet.hosts) > 0 {
		t.Errorf("destroy = %v, left %v, want the late host ended", err, c.fleet.hosts)
	}
}

func TestDestroyGoesOnWhereItBrokeOff(t *testing.T) {
	t.Run("when the stack could not be deleted", func(t *testing.T) {
		c := busy(t)
		c.stacks.fail["DELETE Table"] = "Table is being used"
		err := c.destroy(true)
		if want := "cannot delete the stack: Table (AWS::Some::Table): Table is being used"; err == nil || err.Error() != want {
			t.Fatalf("destroy = %v, want %s", err, want)
		}
		clear(c.stacks.fail)
		if err := c.destroy(true); err != nil {
			t.Errorf("destroy again: %v", err)
		}
	})
	t.Run("while the stack still changes", func(t *testing.T) {
		c := busy(t)
		for _, s := range c.stacks.stacks {
			c.stacks.begin(s, "UPDATE")
		}
		if err := c.destroy(true); err != nil || c.said("the stack is UPDATE_IN_PROGRESS: waiting for that to end") != 0 {
			t.Errorf("destroy = %v, told %q; want it to wait first", err, c.steps)
		}
	})
	t.Run("while the stack is being deleted", func(t *testing.T) {
		c := busy(t)
		for _, s := range c.stacks.stacks {
			c.stacks.begin(s, "DELETE")
		}
		if err := c.destroy(true); err != nil || c.objects.name != "" {
			t.Errorf("destroy = %v, want the rest gone", err)
		}
	})
	t.Run("when only the stack is gone", func(t *testing.T) {
		c := busy(t)
		clear(c.stacks.stacks)
		if err := c.destroy(true); err != nil || c.objects.name != "" || len(c.fleet.hosts) > 0 {
			t.Errorf("destroy = %v, want the rest gone", err)
		}
	})
	t.Run("hosts that do not end are an error", func(t *testing.T) {
		c := busy(t)
		c.fleet.deaf = true
		if err := c.destroy(true); !errors.Is(err, deploy.ErrAlive) {
			t.Errorf("destroy = %v, want that hosts still live", err)
		}
	})
}

func TestDestroyTouchesNothingOfOthers(t *testing.T) {
	c := busy(t)
	c.fleet.hosts = append(c.fleet.hosts, deploy.Instance{ID: "i-theirs", Adopted: true})
	// packhorse-packhorse-two-... is what both a definition "two-x" of the deployment
	// packhorse and a definition "x" of packhorse-two would be called.
	c.ecs.definitions["packhorse-packhorse-two-x:1"] = "packhorse-two"
	if _, err := c.deploy(func(o *deploy.Options) { o.Name = "packhorse-two" }); err != nil {
		t.Fatal(err)
	}
	c.store.values["/packhorse/packhorse/secrets/db"] = "a secret of jobs"
	if err := c.destroy(true); err != nil {
		t.Fatalf("destroy: %v", err)
	}
	if !slices.Equal(c.fleet.released, []string{"i-theirs"}) || slices.Contains(c.fleet.ending, "i-theirs") {
		t.Errorf("released %q, ended %q; want an instance of others released and not ended", c.fleet.released, c.fleet.ending)
	}
	if got := slices.Collect(maps.Keys(c.ecs.definitions)); !slices.Equal(got, []string{"packhorse-packhorse-two-x:1"}) {
		t.Errorf("task definitions left: %q, want that of the other deployment", got)
	}
	if len(c.objects.content) != 5 {
		t.Errorf("the bucket has %d objects, want the functions of the other deployment", len(c.objects.content))
	}
	if c.store.values["/packhorse/packhorse/secrets/db"] == "" {
		t.Error("a secret that a person put there is gone")
	}
	if got := c.logs.groups[group][infra.DeploymentTag]; got != "packhorse-two" {
		t.Errorf("the log group of jobs belongs to %q, want it handed over to the deployment that goes on", got)
	}
}

func TestALogGroupThatWasThereStays(t *testing.T) {
	c := newCloud(t)
	c.logs.groups[group] = map[string]string{}
	c.deployed()
	if err := c.destroy(false); err != nil {
		t.Fatalf("destroy: %v", err)
	}
	if _, ok := c.logs.groups[group]; !ok {
		t.Error("the log group of AWS Batch's jobs is gone")
	}
}
