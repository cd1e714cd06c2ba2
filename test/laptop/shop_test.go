//go:build unix

package laptop

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// hostLost is what clients match to tell a lost host from a job's own failure.
var hostLost = regexp.MustCompile(`^Host EC2 \(instance i-[0-9a-f]{17}\) terminated\.$`)

// shop is a server with all that the jobs of these tests need.
type shop struct {
	*server
	dir     string // shared with the jobs, under the same path
	ledger  string // a file in it
	program string // the worker, as jobs find it
	image   string
}

// newShop starts a server whose jobs are plain processes, and defines their job.
func newShop(t *testing.T, args ...string) *shop {
	t.Helper()
	s := closedShop(newServer(t, args...))
	s.start()
	s.define()
	return s
}

func closedShop(s *server) *shop {
	dir := s.TempDir()
	return &shop{server: s, dir: dir, ledger: filepath.Join(dir, "ledger"), program: worker, image: "none"}
}

// queue is the one that packhorse makes on its first start, and definition that of
// its jobs here, one vCPU each.
const queue, definition = "default", "work"

// define registers the definition. Its containers share the directory of the ledger.
func (s *shop) define() {
	s.Helper()
	_, err := s.batch().RegisterJobDefinition(s.Context(), &batch.RegisterJobDefinitionInput{
		JobDefinitionName: aws.String(definition), Type: types.JobDefinitionTypeContainer,
		ContainerProperties: s.container("1", "64"),
	})
	if err != nil {
		s.Fatal(err)
	}
}

// container runs the worker with the ledger's directory at hand.
func (s *shop) container(vCPUs, memoryMiB string) *types.ContainerProperties {
	return &types.ContainerProperties{
		Image: &s.image, Command: []string{s.program},
		ResourceRequirements: []types.ResourceRequirement{
			{Type: types.ResourceTypeVcpu, Value: &vCPUs},
			{Type: types.ResourceTypeMemory, Value: &memoryMiB},
		},
		Volumes:     []types.Volume{{Name: aws.String("shared"), Host: &types.Host{SourcePath: &s.dir}}},
		MountPoints: []types.MountPoint{{SourceVolume: aws.String("shared"), ContainerPath: &s.dir}},
	}
}

// small is a queue of Fargate, whose jobs have no host, and the definition of its
// jobs: four of them fit where one other does. As containers they could not reach the
// ledger, since Fargate takes no directory of a host.
const small = "small"

// defineSmall makes the queue of small jobs and their definition, for plain processes.
func (s *shop) defineSmall() {
	s.Helper()
	client := s.batch()
	_, err := client.CreateComputeEnvironment(s.Context(), &batch.CreateComputeEnvironmentInput{
		ComputeEnvironmentName: aws.String(small), Type: types.CETypeManaged,
		ComputeResources: &types.ComputeResource{
			Type: types.CRTypeFargate, MaxvCpus: aws.Int32(64), Subnets: []string{"subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		},
	})
	if err == nil {
		_, err = client.CreateJobQueue(s.Context(), &batch.CreateJobQueueInput{
			JobQueueName: aws.String(small), Priority: aws.Int32(1),
			ComputeEnvironmentOrder: []types.ComputeEnvironmentOrder{{Order: aws.Int32(1), ComputeEnvironment: aws.String(small)}},
		})
	}
	if err == nil {
		container := s.container("0.25", "512")
		container.Volumes, container.MountPoints = nil, nil
		container.ExecutionRoleArn = aws.String("arn:aws:iam::000000000000:role/ecsTaskExecutionRole")
		_, err = client.RegisterJobDefinition(s.Context(), &batch.RegisterJobDefinitionInput{
			JobDefinitionName: aws.String(small), Type: types.JobDefinitionTypeContainer, ContainerProperties: container,
			PlatformCapabilities: []types.PlatformCapability{types.PlatformCapabilityFargate},
		})
	}
	if err != nil {
		s.Fatal(err)
	}
}

// order is a submission that runs the worker with args.
func (s *shop) order(name string, args ...string) *batch.SubmitJobInput {
	return &batch.SubmitJobInput{
		JobName: &name, JobQueue: aws.String(queue), JobDefinition: aws.String(definition),
		ContainerOverrides: &types.ContainerOverrides{Command: append([]string{s.program, "-ledger", s.ledger}, args...)},
	}
}

// submit submits an order and returns the job's id.
func (s *shop) submit(order *batch.SubmitJobInput) string {
	s.Helper()
	out, err := s.batch().SubmitJob(s.Context(), order)
	if err != nil {
		s.Fatal(err)
	}
	return *out.JobId
}

// file is a name in the shared directory.
func (s *shop) file(name string) string { return filepath.Join(s.dir, name) }

// started waits until an attempt of a job has noted its start.
func (s *shop) started(job string, number int) entry {
	s.Helper()
	var found entry
	until(s.T, "the start of job "+job, func() bool {
		for _, e := range readLedger(s.T, s.ledger) {
			if e.what == "start" && e.job == job && e.attempt == number {
				found = e
				return true
			}
		}
		return false
	})
	return found
}
