package amazon

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/compute"
)

// meter notes when calls come through.
type meter struct {
	EC2
	ECS
	mu    sync.Mutex
	calls []time.Time
}

func (m *meter) note() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, time.Now())
}

func (m *meter) CreateFleet(context.Context, *ec2.CreateFleetInput, ...func(*ec2.Options)) (*ec2.CreateFleetOutput, error) {
	m.note()
	return nil, nil
}

func (m *meter) RunTask(context.Context, *ecs.RunTaskInput, ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	m.note()
	return nil, nil
}

func (m *meter) RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	m.note()
	return nil, nil
}

func (m *meter) DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	m.note()
	return nil, nil
}

func TestCallsKeepToTheRatesOfAWS(t *testing.T) {
	onFargate := &ecs.RunTaskInput{CapacityProviderStrategy: []types.CapacityProviderStrategyItem{{CapacityProvider: new(fargate)}}}
	onSpot := &ecs.RunTaskInput{CapacityProviderStrategy: []types.CapacityProviderStrategyItem{{CapacityProvider: new(fargateSpot)}}}
	tests := map[string]struct {
		call  func(context.Context, limits) error
		calls int
		took  time.Duration // at least, and less than half a second more
	}{
		"RunTask, 100 at once and then 40 a second": {func(ctx context.Context, l limits) error {
			_, err := l.ecs.RunTask(ctx, &ecs.RunTaskInput{})
			return err
		}, 100 + 80, 2 * time.Second},
		"RunTask on Fargate, 20 a second": {func(ctx context.Context, l limits) error {
			_, err := l.ecs.RunTask(ctx, onFargate)
			return err
		}, 20 + 40, 2 * time.Second},
		"RunTask on Fargate Spot, 20 a second": {func(ctx context.Context, l limits) error {
			_, err := l.ecs.RunTask(ctx, onSpot)
			return err
		}, 20 + 40, 2 * time.Second},
		"RegisterTaskDefinition, 20 at once and then 1 a second": {func(ctx context.Context, l limits) error {
			_, err := l.ecs.RegisterTaskDefinition(ctx, nil)
			return err
		}, 20 + 3, 3 * time.Second},
		"DescribeTasks, 100 at once and then 20 a second": {func(ctx context.Context, l limits) error {
			_, err := l.ecs.DescribeTasks(ctx, nil)
			return err
		}, 100 + 20, time.Second},
		"CreateFleet, 100 at once and then 2 a second": {func(ctx context.Context, l limits) error {
			_, err := l.ec2.CreateFleet(ctx, nil)
			return err
		}, 100 + 6, 3 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &meter{}
				l := limitsOf(m, m)
				begin := time.Now()
				for range test.calls {
					if err := test.call(t.Context(), l); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(begin); took < test.took || took > test.took+time.Second/2 {
					t.Errorf("%d calls took %s, want %s", test.calls, took, test.took)
				}
			})
		})
	}
}

func TestACallThatWouldWaitTooLongIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meter{}
		l := limitsOf(m, m)
		for range launchBurst {
			if _, err := l.ec2.CreateFleet(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if _, err := l.ec2.CreateFleet(ctx, nil); !errors.Is(err, compute.ErrUnavailable) {
			t.Errorf("CreateFleet() = %v with no token in time, want ErrUnavailable", err)
		}
		if took := time.Since(begin); took > 0 {
			t.Errorf("it took %s to give up, want at once", took)
		}
		if len(m.calls) != launchBurst {
			t.Errorf("%d calls came through, want %d", len(m.calls), launchBurst)
		}
	})
}
