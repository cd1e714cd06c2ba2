package amazon

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/amazon/notebook"
	"github.com/packhorse-batch/packhorse/compute/computetest"
	"github.com/packhorse-batch/packhorse/localstack/peers"
)

// moto answers over the wire and starts nothing, and looks at the first override of a
// fleet only; what else our calls meet is corrected (see localstack/moto).
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
	}
	return moto{ec2.NewFromConfig(c), ecs.NewFromConfig(c), ssm.NewFromConfig(c)}
}

func TestWireOnMoto(t *testing.T) {
	cloud := newMoto(t)
	deployments := 0
	computetest.Wire(t, func(t *testing.T) computetest.Harness {
		deployments++
		deployment := fmt.Sprintf("moto%d", deployments)
		memory := notebook.New(time.Now)
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
