package cli

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// retried is a job with all there is: it lost a host, and failed in its second attempt.
func retried(t *testing.T) (w *world, id string) {
	w = newWorld(t)
	w.server.Add("high", "align")
	before := w.server.Submit("prepare", "high", "align")
	w.put(before, types.JobStatusSucceeded)
	id = w.server.Submit("align", "high", "align", func(in *batch.SubmitJobInput) {
		in.DependsOn = []types.JobDependency{{JobId: aws.String(before)}}
		in.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(2)}
		in.Timeout = &types.JobTimeout{AttemptDurationSeconds: aws.Int32(3600)}
		in.Parameters = map[string]string{"sample": "NA12878"}
		in.Tags = map[string]string{"cost": "x"}
		in.ContainerOverrides = &types.ContainerOverrides{
			Command:     []string{"sh", "-c", "bwa mem | sort"},
			Environment: []types.KeyValuePair{{Name: aws.String("DEBUG"), Value: aws.String("1")}},
		}
	})
	at := start.Add
	w.now = at(12 * time.Second)
	w.put(id, types.JobStatusRunning, stream("align/default/1"))
	w.now = at(3 * time.Minute)
	w.put(id, types.JobStatusRunnable, attempt("Host EC2 (instance i-0abc) terminated.", "", -1, at(12*time.Second), w.now))
	w.now = at(4 * time.Minute)
	w.put(id, types.JobStatusRunning, stream("align/default/2"), func(j *types.JobDetail) {
		j.Container.ContainerInstanceArn = aws.String("arn:aws:ecs:us-east-1:123456789012:container-instance/cluster/5beef")
		j.Container.TaskArn = aws.String("arn:aws:ecs:us-east-1:123456789012:task/cluster/77aa")
	})
	w.now = at(9 * time.Minute)
	oom := "OutOfMemoryError: Container killed due to memory usage"
	w.put(id, types.JobStatusFailed, exited(137), func(j *types.JobDetail) { j.Container.Reason = aws.String(oom) },
		attempt("Essential container in task exited", oom, 137, at(4*time.Minute), w.now))
	w.now = at(10 * time.Minute)
	return w, id
}

func TestDescribe(t *testing.T) {
	w, id := retried(t)
	golden(t, "describe", w.ok("describe", id))
	golden(t, "describe-json", w.ok("describe", "align", "-o", "json"))
}

func TestDescribeAnArrayAndOneOfIt(t *testing.T) {
	w, ids := aDay(t)
	golden(t, "describe-array", w.ok("describe", ids["many"], ids["many"]+":2"))
	same(t, "by the beginning of the array's id", w.ok("describe", ids["many"][:8]+":2"), w.ok("describe", ids["many"]+":2"))
}
