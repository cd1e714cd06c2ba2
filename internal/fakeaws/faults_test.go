package fakeaws_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

func TestFailOnce(t *testing.T) {
	tests := map[string]struct {
		mode  fakeaws.FailOnce
		wants []string // of creating a, a, a, b
	}{
		"each operation": {fakeaws.FailOperation, []string{"ServerException", "ServerException", "", ""}},
		"each call":      {fakeaws.FailCall, []string{"ServerException", "ServerException", "", "ServerException"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeaws.Options{Faults: fakeaws.Faults{FailOnce: test.mode}})
			for n, cluster := range []string{"a", "a", "a", "b"} {
				_, err := w.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: &cluster})
				if code(err) != test.wants[n] {
					t.Errorf("call %d = %v, want code %q", n+1, err, test.wants[n])
				}
			}
		})
	}
}

func TestTheSecondFailureIsAfterTheEffect(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	w.cloud.SetFaults(fakeaws.Faults{FailOnce: fakeaws.FailOperation})
	in := w.fleet()
	in.ClientToken = aws.String("token")
	_, err := w.ec2.CreateFleet(t.Context(), in)
	wantCode(t, "the first call", err, "InternalError")
	if n := w.cloud.Launched(); n != 0 {
		t.Fatalf("the first call launched %d instances, want none", n)
	}
	_, err = w.ec2.CreateFleet(t.Context(), in)
	wantCode(t, "the second call", err, "InternalError")
	if n := w.cloud.Launched(); n != 1 {
		t.Fatalf("the second call launched %d instances, want 1", n)
	}
	out := must[*ec2.CreateFleetOutput](t)(w.ec2.CreateFleet(t.Context(), in))
	if got := out.Instances[0].InstanceIds; !slices.Equal(got, w.cloud.Alive()) || w.cloud.Launched() != 1 {
		t.Errorf("the third call gives %v of %v, want the one that the second launched", got, w.cloud.Alive())
	}
	if n := w.cloud.Calls()["ec2.CreateFleet"]; n != 3 {
		t.Errorf("Calls counts %d, want 3", n)
	}
}

func TestFaultsComeFromTheSeed(t *testing.T) {
	failures := func(seed uint64) (all []int) {
		w := newWorld(t, fakeaws.Options{Seed: seed, Faults: fakeaws.Faults{CallFails: 0.2, AnswerLost: 0.2}})
		for n := range 40 {
			if _, err := w.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("a")}); err != nil {
				all = append(all, n)
			}
		}
		return all
	}
	one := failures(1)
	if again := failures(1); !slices.Equal(one, again) || len(one) < 5 || len(one) > 30 {
		t.Errorf("seed 1 fails calls %v, then %v; want the same, some of 40", one, again)
	}
	if two := failures(2); slices.Equal(one, two) {
		t.Errorf("seeds 1 and 2 fail the same calls %v", one)
	}
}

func TestThrottling(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Faults: fakeaws.Faults{Throttle: map[string]fakeaws.Rate{
		"ecs.ListClusters": {PerSecond: 0.001, Burst: 2}, "ec2.*": {PerSecond: 0.001, Burst: 1}}}})
	cloud := w.cloud.ECS()
	var codes []string
	for range 3 {
		_, err := cloud.ListClusters(t.Context(), nil)
		codes = append(codes, code(err))
	}
	if !slices.Equal(codes, []string{"", "", "ThrottlingException"}) {
		t.Errorf("three calls of two = %q", codes)
	}
	if _, err := cloud.DescribeClusters(t.Context(), nil); err != nil {
		t.Errorf("another operation = %v, want it to go through", err)
	}
	_, first := w.cloud.EC2().DescribeVpcs(t.Context(), nil)
	_, second := w.cloud.EC2().DescribeSubnets(t.Context(), nil)
	if first != nil || code(second) != "RequestLimitExceeded" {
		t.Errorf("two calls of a service that allows one = %v, %v; want RequestLimitExceeded", first, second)
	}
}

func TestShortageEnds(t *testing.T) {
	clock := newClock()
	w := newWorld(t, fakeaws.Options{Now: clock.now, Faults: fakeaws.Faults{Shortages: []fakeaws.Shortage{{Until: clock.now().Add(time.Minute)}}}}).furnish()
	out := must[*ec2.CreateFleetOutput](t)(w.ec2.CreateFleet(t.Context(), w.fleet()))
	if len(out.Errors) != 1 {
		t.Errorf("during a shortage: %s", asJSON(out))
	}
	clock.advance(time.Minute)
	w.launch(w.fleet())
}

func TestEventsAreLostDoubledAndLate(t *testing.T) {
	const tasks = 20
	// count tells how often the end of each task was told, and whether in order of ending.
	count := func(t *testing.T, f fakeaws.Faults) (told map[string]int, inOrder bool) {
		t.Helper()
		w := newWorld(t, fakeaws.Options{Seed: 5, EventDelay: fakeaws.Exactly(time.Millisecond), Faults: f}).furnish()
		host := w.host()
		for range tasks {
			w.reaches(w.run(on(host, "echo")), "STOPPED")
		}
		// An event that nothing happens to, sent last of all and later than any other.
		w.cloud.SetFaults(fakeaws.Faults{EventLate: 1, LateBy: fakeaws.Exactly(90 * time.Second)})
		id := w.launch(w.fleet())[0]
		w.until("the last event came", func() bool {
			return slices.ContainsFunc(w.told(fakeaws.InstanceStateChange), func(e fakeaws.Event) bool {
				return e.Resources[0][len(e.Resources[0])-len(id):] == id
			})
		})
		told, inOrder = map[string]int{}, true
		var last time.Time
		for _, e := range w.told(fakeaws.TaskStateChange) {
			told[e.ID]++
			inOrder = inOrder && !e.Time.Before(last)
			last = e.Time
		}
		return told, inOrder
	}
	const perTask = 4 // PENDING, RUNNING, RUNNING to be stopped or not, STOPPED
	t.Run("none by itself", func(t *testing.T) {
		told, inOrder := count(t, fakeaws.Faults{})
		if len(told) < 3*tasks || !inOrder {
			t.Errorf("%d events came, in order: %v; want at least %d, in order", len(told), inOrder, 3*tasks)
		}
	})
	t.Run("all lost", func(t *testing.T) {
		if told, _ := count(t, fakeaws.Faults{EventLost: 1}); len(told) != 0 {
			t.Errorf("%d events came, want none", len(told))
		}
	})
	t.Run("some lost", func(t *testing.T) {
		if told, _ := count(t, fakeaws.Faults{EventLost: 0.5}); len(told) == 0 || len(told) >= 3*tasks {
			t.Errorf("%d events came, want some of %d", len(told), perTask*tasks)
		}
	})
	t.Run("all doubled", func(t *testing.T) {
		told, _ := count(t, fakeaws.Faults{EventDoubled: 1})
		for id, n := range told {
			if n != 2 {
				t.Errorf("event %s came %d times, want twice", id, n)
			}
		}
	})
}

func TestLateEventsComeOutOfOrder(t *testing.T) {
	w := newWorld(t, fakeaws.Options{Seed: 5, EventDelay: fakeaws.Exactly(time.Millisecond),
		Faults: fakeaws.Faults{EventLate: 0.5, LateBy: fakeaws.Exactly(100 * time.Second)}}).furnish()
	host := w.host()
	const tasks = 10
	for range tasks {
		w.reaches(w.run(on(host, "echo")), "STOPPED")
	}
	w.until("all came", func() bool { return len(w.told(fakeaws.TaskStateChange)) == 3*tasks })
	versions := map[string]float64{}
	backwards := 0
	for _, e := range w.told(fakeaws.TaskStateChange) {
		v := number(t, e, "version")
		if v < versions[e.Resources[0]] {
			backwards++
		}
		versions[e.Resources[0]] = v
	}
	if backwards == 0 {
		t.Error("every task was told in order although half of the events are late")
	}
}

func TestParameters(t *testing.T) {
	w := newWorld(t, fakeaws.Options{})
	store := w.cloud.SSM()
	put := &ssm.PutParameterInput{Name: aws.String("/k/a/b"), Value: aws.String("hush"), Type: ssmtypes.ParameterTypeSecureString}
	must[*ssm.PutParameterOutput](t)(store.PutParameter(t.Context(), put))
	_, err := store.PutParameter(t.Context(), put)
	wantCode(t, "PutParameter again", err, "ParameterAlreadyExists")
	put.Overwrite, put.Value = aws.Bool(true), aws.String("quiet")
	if out := must[*ssm.PutParameterOutput](t)(store.PutParameter(t.Context(), put)); out.Version != 2 {
		t.Errorf("overwritten it has version %d, want 2", out.Version)
	}
	hidden := must[*ssm.GetParameterOutput](t)(store.GetParameter(t.Context(), &ssm.GetParameterInput{Name: put.Name}))
	shown := must[*ssm.GetParameterOutput](t)(store.GetParameter(t.Context(), &ssm.GetParameterInput{Name: put.Name, WithDecryption: aws.Bool(true)}))
	if *hidden.Parameter.Value == "quiet" || *shown.Parameter.Value != "quiet" {
		t.Errorf("a SecureString reads %q, and decrypted %q", *hidden.Parameter.Value, *shown.Parameter.Value)
	}
	direct := must[*ssm.GetParametersByPathOutput](t)(store.GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: aws.String("/k")}))
	below := must[*ssm.GetParametersByPathOutput](t)(store.GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: aws.String("/k"), Recursive: aws.Bool(true)}))
	if len(direct.Parameters) != 0 || len(below.Parameters) != 1 {
		t.Errorf("right below /k are %d, below it %d; want 0, 1", len(direct.Parameters), len(below.Parameters))
	}
	must[*ssm.DeleteParameterOutput](t)(store.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: put.Name}))
	_, err = store.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: put.Name})
	wantCode(t, "DeleteParameter again", err, "ParameterNotFound")
	several := must[*ssm.GetParametersOutput](t)(store.GetParameters(t.Context(), &ssm.GetParametersInput{
		Names: []string{"/none", "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id"}}))
	if len(several.Parameters) != 1 || !slices.Equal(several.InvalidParameters, []string{"/none"}) {
		t.Errorf("GetParameters = %s", asJSON(several))
	}
}
