package amazon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// answered is an error as the SDK returns it.
func answered(code, message string) error {
	return &smithy.OperationError{ServiceID: "ECS", OperationName: "RunTask", Err: &smithy.GenericAPIError{Code: code, Message: message}}
}

func TestTrouble(t *testing.T) {
	tests := map[string]struct {
		err         error
		unavailable bool
		says        string
	}{
		"too many calls":        {answered("ThrottlingException", "Rate exceeded"), true, ""},
		"too many calls of EC2": {answered("RequestLimitExceeded", "Request limit exceeded."), true, ""},
		"a fault of ECS":        {answered("ServerException", "oops"), true, ""},
		"the network":           {errors.New("dial tcp: connection refused"), true, ""},
		"we may not":            {answered("UnauthorizedOperation", "You are not authorized"), false, "allow it in the policy"},
		"no Spot role": {answered("AuthFailure.ServiceLinkedRoleCreationNotPermitted", "the role"), false,
			"aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"},
		"we were told to end": {fmt.Errorf("calling: %w", context.Canceled), false, ""},
		"something else":      {answered("InvalidGroup.NotFound", "no such group"), false, "no such group"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := trouble("launching", test.err)
			if errors.Is(got, compute.ErrUnavailable) != test.unavailable || !errors.Is(got, test.err) || !strings.Contains(got.Error(), test.says) {
				t.Errorf("trouble(%v) = %v; want ErrUnavailable: %t, saying %q", test.err, got, test.unavailable, test.says)
			}
		})
	}
	if err := trouble("launching", nil); err != nil {
		t.Errorf("trouble(nil) = %v", err)
	}
}

func TestWrongTask(t *testing.T) {
	tests := map[string]struct {
		err  error
		task bool // it is the task's own fault
	}{
		"its definition":          {answered("ClientException", "Container.image contains invalid characters."), true},
		"its size":                {answered("ClientException", "No Fargate configuration exists for given values."), true},
		"its network":             {answered("InvalidParameterException", "Network Configuration must be provided"), true},
		"Fargate is full":         {answered("ClientException", "Capacity is unavailable at this time. Please try again later or in a different availability zone"), false},
		"the account's vCPUs are": {answered("ClientException", "You've reached the limit on the number of vCPUs you can run concurrently"), false},
		"too many calls":          {answered("ThrottlingException", "Rate exceeded"), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := wrongTask("running", test.err)
			var invalid *batch.Error
			if errors.As(got, &invalid) != test.task || errors.Is(got, compute.ErrUnavailable) == test.task {
				t.Errorf("wrongTask(%v) = %v; want the task's own fault: %t", test.err, got, test.task)
			}
			if test.task && (invalid.Next == "" || !strings.Contains(invalid.Message, messageOf(test.err))) {
				t.Errorf("%q, next %q: want what ECS says, and what to do", invalid.Message, invalid.Next)
			}
		})
	}
}

func TestPlacement(t *testing.T) {
	other := types.Failure{Reason: new("MemberOf placement constraint unsatisfied.")}
	tests := map[string]struct {
		failures []types.Failure
		want     error // nil: a *batch.Error
	}{
		"its CPUs are taken":           {[]types.Failure{other, {Reason: new("RESOURCE:CPU")}}, compute.ErrNoRoom},
		"its memory is taken":          {[]types.Failure{{Reason: new("RESOURCE:MEMORY")}, other}, compute.ErrNoRoom},
		"its GPUs are taken":           {[]types.Failure{{Reason: new("RESOURCE:GPU")}}, compute.ErrNoRoom},
		"its agent is away":            {[]types.Failure{{Reason: new("AGENT")}}, compute.ErrNoRoom},
		"it is not there":              {[]types.Failure{other, other}, errNotJoined},
		"Fargate is full":              {[]types.Failure{{Reason: new("Capacity is unavailable at this time.")}}, compute.ErrUnavailable},
		"it lacks what the task needs": {[]types.Failure{{Reason: new("ATTRIBUTE"), Detail: new("ecs.capability.efs")}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := placement(test.failures)
			var invalid *batch.Error
			if test.want == nil && !errors.As(got, &invalid) || test.want != nil && !errors.Is(got, test.want) {
				t.Errorf("placement(%+v) = %v, want %v", test.failures, got, test.want)
			}
		})
	}
}

func TestAConflictNamesTheTasksOfTheToken(t *testing.T) {
	tasks, ok := otherParameters(fmt.Errorf("RunTask: %w", &types.ConflictException{ResourceIds: []string{"arn:1"}}))
	if !ok || len(tasks) != 1 || tasks[0] != "arn:1" {
		t.Errorf("otherParameters() = %v, %t; want arn:1, true", tasks, ok)
	}
	if _, ok := otherParameters(answered("IdempotentParameterMismatch", "")); !ok {
		t.Error("EC2's mismatch is not known as one")
	}
	if _, ok := otherParameters(nil); ok {
		t.Error("no error is taken for a conflict")
	}
}
