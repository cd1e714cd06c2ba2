package control_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// TestEveryStepFailsOnce makes each call to the store fail in turn, without effect.
// The request then fails as the server's fault, and serves its purpose when it is
// sent again.
func TestEveryStepFailsOnce(t *testing.T) {
	requests := map[string]func(*scene) error{
		"create a queue": func(s *scene) error {
			_, err := s.CreateJobQueue(t.Context(), newQueue("q2", func(in *awsbatch.CreateJobQueueInput) { in.SchedulingPolicyArn = foreign("scheduling-policy/fair") }))
			return err
		},
		"register a definition": func(s *scene) error {
			_, err := s.RegisterJobDefinition(t.Context(), newDefinition("def"))
			return err
		},
		"tag a job": func(s *scene) error {
			_, err := s.TagResource(t.Context(), &awsbatch.TagResourceInput{ResourceArn: foreign("job/j1"), Tags: map[string]string{"a": ""}})
			return err
		},
		"delete a policy": func(s *scene) error {
			_, err := s.DeleteSchedulingPolicy(t.Context(), &awsbatch.DeleteSchedulingPolicyInput{Arn: foreign("scheduling-policy/fair")})
			return err
		},
		"disable an environment": func(s *scene) error {
			_, err := s.UpdateComputeEnvironment(t.Context(), &awsbatch.UpdateComputeEnvironmentInput{ComputeEnvironment: new("ce"), State: "DISABLED"})
			return err
		},
	}
	for name, send := range requests {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				s := newScene(t)
				s.everything(t)
				faulty := storetest.Faulty(s.table, storetest.Nth(n, storetest.Before))
				s.config.Records = store.New(faulty, store.Options{})
				s.Control = control.New(s.config)
				err := send(s)
				if faulty.Calls() < n {
					if err != nil {
						t.Errorf("without a fault: %v", err)
					}
					return
				}
				if batch.CodeOf(err) != batch.CodeServer || !errors.Is(err, store.ErrUnavailable) {
					t.Fatalf("call %d fails: %v, want the store's error as the server's fault", n, err)
				}
				if err := send(s); err != nil {
					t.Fatalf("sent again after call %d failed: %v", n, err)
				}
			}
		})
	}
}

func TestTokensThatWereTamperedWith(t *testing.T) {
	s := newScene(t)
	s.register(t, "a")
	token := base64.RawURLEncoding.EncodeToString([]byte(`{"l":"JobDefinitions/a/0/","a":"somewhere"}`))
	_, err := s.DescribeJobDefinitions(t.Context(), &awsbatch.DescribeJobDefinitionsInput{JobDefinitionName: new("a"), NextToken: &token})
	wantRefused(t, err, "nextToken is not valid for this request.")
}

func TestNewNeedsItsParts(t *testing.T) {
	complete := newScene(t).config
	for field, missing := range map[string]control.Config{
		"Records": {Now: complete.Now, NewUUID: complete.NewUUID},
		"Now":     {Records: complete.Records, NewUUID: complete.NewUUID},
		"NewUUID": {Records: complete.Records, Now: complete.Now},
	} {
		t.Run(field, func(t *testing.T) {
			defer func() {
				want := fmt.Sprintf("control.New: Config.%s is missing", field)
				if got := recover(); got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			control.New(missing)
		})
	}
}

func TestOptionalPartsMayBeMissing(t *testing.T) {
	full := newScene(t).config
	c := control.New(control.Config{Records: store.New(mem.Open(), store.Options{}), Now: full.Now, NewUUID: full.NewUUID})
	in := newEnvironment("ce")
	in.ComputeResources.InstanceTypes = []string{"of-another-cloud"}
	must[*awsbatch.CreateComputeEnvironmentOutput](t)(c.CreateComputeEnvironment(t.Context(), in))
	must[*awsbatch.CreateJobQueueOutput](t)(c.CreateJobQueue(t.Context(), newQueue("q")))
}
