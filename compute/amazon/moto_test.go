package amazon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/computetest"
	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// moto answers over the wire and starts nothing. It ignores client tokens and placement
// constraints, and looks at the first override of a fleet only.
type moto struct {
	ec2 *ec2.Client
	ecs *ecs.Client
	ssm *ssm.Client
}

func newMoto(t *testing.T) moto {
	t.Helper()
	endpoint := peers.Moto(t)
	c := aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), BaseEndpoint: &endpoint,
		// Its server closes idle connections while they are being used again.
		HTTPClient: &http.Client{Transport: texts{http.DefaultTransport}},
		Retryer:    func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 6) },
	}
	return moto{ec2.NewFromConfig(c), ecs.NewFromConfig(c), ssm.NewFromConfig(c)}
}

// texts turns the CPUs and memory of a task's containers, which moto answers as numbers,
// into the texts that ECS answers and the SDK insists on.
type texts struct{ next http.RoundTripper }

func (x texts) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := x.next.RoundTrip(r)
	if err != nil || !strings.Contains(r.Header.Get("X-Amz-Target"), "Task") || answer.StatusCode != http.StatusOK {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return nil, err
	}
	var said map[string]any
	if json.Unmarshal(body, &said) == nil {
		for _, task := range append(list(said["tasks"]), said["task"]) {
			task, _ := task.(map[string]any)
			for _, container := range list(task["containers"]) {
				container, _ := container.(map[string]any)
				for _, name := range []string{"cpu", "memory", "memoryReservation"} {
					if number, ok := container[name].(float64); ok {
						container[name] = strconv.FormatFloat(number, 'f', -1, 64)
					}
				}
			}
		}
		if body, err = json.Marshal(said); err != nil {
			return nil, err
		}
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return answer, nil
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func TestWireOnMoto(t *testing.T) {
	cloud := newMoto(t)
	deployments := 0
	computetest.Wire(t, func(t *testing.T) computetest.Harness {
		deployments++
		deployment := fmt.Sprintf("moto%d", deployments)
		memory := newNotebook(time.Now)
		open := func(*testing.T) compute.Backend {
			b := Open(Options{
				EC2: cloud.ec2, ECS: cloud.ecs, SSM: cloud.ssm, Memory: memory, Deployment: deployment, Region: "us-east-1",
				InstanceProfile: "ecsInstanceRole", Poll: 200 * time.Millisecond,
			})
			b.ec2, b.ecs = cloud.ec2, cloud.ecs
			return b
		}
		sleep := func() compute.Container {
			return compute.Container{Image: "busybox", Command: []string{"sleep", "1000"}}
		}
		return computetest.Harness{
			Backend: open(t), Reopen: open,
			Host: func(id string) compute.HostRequest {
				return compute.HostRequest{
					ID: id, Environment: "moto", Cluster: "computetest", Type: "m5.large", Market: compute.OnDemand,
					Settings: &types.ComputeResource{Type: types.CRTypeEc2, Tags: map[string]string{"team": "atlas"}},
				}
			},
			Join:    cloud.join,
			Exit:    func(int32) compute.Container { return sleep() },
			Forever: sleep,
		}
	})
}

// join registers an instance as a container instance, as its agent would.
func (m moto) join(t *testing.T, h compute.Host) {
	t.Helper()
	document, err := json.Marshal(map[string]string{
		"instanceId": h.Instance, "region": "us-east-1", "accountId": "123456789012", "availabilityZone": h.Zone, "instanceType": h.Type,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.ecs.RegisterContainerInstance(context.WithoutCancel(t.Context()), &ecs.RegisterContainerInstanceInput{
		Cluster: &h.Cluster, InstanceIdentityDocument: new(string(document)),
	})
	if err != nil {
		t.Fatal(err)
	}
}
