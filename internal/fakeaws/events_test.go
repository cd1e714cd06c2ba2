package fakeaws_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/internal/fakeaws"
)

// TestEventsAreShapedAsEventBridgeHasThem reads an event as a Lambda function does.
func TestEventsAreShapedAsEventBridgeHasThem(t *testing.T) {
	w := newWorld(t, fakeaws.Options{}).furnish()
	in := on(w.host(), w.define("script", "/bin/sh", "-c", "exit 3"))
	in.StartedBy, in.Tags = aws.String("job-1"), []ecstypes.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
	arn := w.run(in)
	var last fakeaws.Event
	w.until("its end is told", func() bool {
		for _, e := range w.told(fakeaws.TaskStateChange) {
			if strings.Contains(string(e.Detail), `"lastStatus":"STOPPED"`) {
				last = e
			}
		}
		return last.ID != ""
	})
	text, err := json.Marshal(last)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version, ID, Source, Account, Region string
		DetailType                           string `json:"detail-type"`
		Time                                 time.Time
		Resources                            []string
		Detail                               struct {
			TaskARN, ClusterARN, ContainerInstanceARN, TaskDefinitionARN string
			LastStatus, DesiredStatus, StopCode, StoppedReason           string
			StartedBy, LaunchType                                        string
			Version                                                      int
			CreatedAt, StartedAt, StoppedAt, UpdatedAt                   time.Time
			Containers                                                   []struct {
				Name, LastStatus string
				ExitCode         *int
			}
			Tags []any
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	d := got.Detail
	if got.Version != "0" || got.Source != "aws.ecs" || got.DetailType != "ECS Task State Change" || got.Account != w.cloud.Account() ||
		got.Region != "us-east-1" || len(got.Resources) != 1 || got.Resources[0] != arn || got.Time.IsZero() {
		t.Errorf("the envelope is %s", text)
	}
	if d.TaskARN != arn || !strings.HasSuffix(d.ClusterARN, "cluster/c") || d.ContainerInstanceARN == "" || !strings.HasSuffix(d.TaskDefinitionARN, "script:1") ||
		d.DesiredStatus != "STOPPED" || d.StopCode != "EssentialContainerExited" || d.StartedBy != "job-1" || d.LaunchType != "EC2" || d.Version < 3 ||
		d.StoppedAt.Before(d.StartedAt) || d.StartedAt.Before(d.CreatedAt) || d.UpdatedAt.IsZero() {
		t.Errorf("the detail is %s", last.Detail)
	}
	if len(d.Containers) != 1 || d.Containers[0].ExitCode == nil || *d.Containers[0].ExitCode != 3 || d.Containers[0].LastStatus != "STOPPED" {
		t.Errorf("the containers are %+v", d.Containers)
	}
	if d.Tags != nil {
		t.Errorf("the detail has tags %v, which events of ECS do not", d.Tags)
	}
}
