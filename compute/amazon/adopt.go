package amazon

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/compute"
)

// adopt is what Launch does for an unmanaged environment: nothing is launched, whoever
// owns the environment starts instances that join its cluster. The first one that is
// there becomes the host.
func (b *Backend) adopt(ctx context.Context, r compute.HostRequest) (compute.Host, error) {
	if err := b.ensureCluster(ctx, r.Environment, r.Cluster, false); err != nil {
		return compute.Host{}, err
	}
	joined, err := b.joined(ctx, r.Cluster, "")
	if err != nil {
		return compute.Host{}, err
	}
	for _, c := range joined {
		if deref(c.Status) != containerActive || deref(c.Ec2InstanceId) == "" {
			continue
		}
		id := deref(c.Ec2InstanceId)
		_, err := b.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: ec2Tags(map[string]string{
			tagDeployment: b.o.Deployment, tagHost: r.ID, tagEnvironment: r.Environment, tagCluster: r.Cluster, tagAdopted: "true",
		})})
		if err != nil {
			return compute.Host{}, trouble("tagging "+id, err)
		}
		found, err := b.describe(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
		if err != nil {
			return compute.Host{}, err
		}
		if len(found) == 0 || isOver(found[0]) {
			continue
		}
		hosts, err := b.hostsOf(ctx, found)
		if err != nil {
			return compute.Host{}, err
		}
		hosts[0].ID = r.ID // the view of the tags may lag
		b.noteLaunched(ctx, r.ID, launch{At: b.o.Now(), Instance: id, Type: hosts[0].Type})
		return hosts[0], nil
	}
	return compute.Host{}, &batch.Error{Code: batch.CodeInvalid,
		Message: fmt.Sprintf("No instance has joined cluster %s of the unmanaged compute environment %s yet.", r.Cluster, r.Environment),
		Next:    "start one with ECS_CLUSTER=" + r.Cluster + " in /etc/ecs/ecs.config"}
}

// tagAdopted marks an instance that its owner started: it is never terminated here.
const tagAdopted = "packhorse:adopted"
