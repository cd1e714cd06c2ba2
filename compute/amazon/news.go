package amazon

import (
	"encoding/json"
	"fmt"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/packhorse-batch/packhorse/compute"
)

// The events that tell of tasks and hosts, by their detail-type ("Amazon ECS events",
// ECS developer guide; "Spot Instance interruption notices", "EC2 instance rebalance
// recommendations" and "State change events", EC2 user guide).
const (
	eventTask      = "ECS Task State Change"
	eventContainer = "ECS Container Instance State Change"
	eventSpot      = "EC2 Spot Instance Interruption Warning"
	eventRebalance = "EC2 Instance Rebalance Recommendation"
	eventInstance  = "EC2 Instance State-change Notification"
)

// EventTypes are the detail-types of the events that [News] understands: those that a
// rule of EventBridge is to deliver.
func EventTypes() []string {
	return []string{eventTask, eventContainer, eventSpot, eventRebalance, eventInstance}
}

// event is what EventBridge delivers.
type event struct {
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

// ec2Detail is the detail of the events of EC2.
type ec2Detail struct {
	Instance string `json:"instance-id"`
	State    string `json:"state"`
}

// News translates an event of EventBridge. Tasks that are not ours give nothing, and
// neither do events of other kinds. A host is told by its instance only, without ID and
// environment: [Backend.Hear] adds them.
//
// The details of ECS's events are the tasks and container instances of its API in JSON,
// with times as text.
func News(raw json.RawMessage) ([]compute.News, error) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("reading an event: %w", err)
	}
	switch e.DetailType {
	case eventTask:
		t, err := detail[ecstypes.Task](e)
		if err != nil {
			return nil, err
		}
		s := statusOf(t)
		if s.ID == "" || s.JobID == "" || !isOurs(t) {
			return nil, nil
		}
		return []compute.News{{Task: &s}}, nil
	case eventContainer:
		c, err := detail[ecstypes.ContainerInstance](e)
		if err != nil || deref(c.Ec2InstanceId) == "" {
			return nil, err
		}
		h := compute.Host{Instance: *c.Ec2InstanceId}
		join(&h, c)
		return []compute.News{{Host: &h}}, nil
	case eventSpot, eventRebalance, eventInstance:
		d, err := detail[ec2Detail](e)
		if err != nil || d.Instance == "" {
			return nil, err
		}
		h := compute.Host{Instance: d.Instance, State: compute.HostDraining}
		switch {
		case e.DetailType == eventSpot:
			h.Reason = "EC2 takes the Spot Instance back in two minutes"
		case e.DetailType == eventRebalance:
			h.Reason = "the Spot Instance is at elevated risk of interruption"
		case d.State == "shutting-down" || d.State == "terminated":
			h = gone("", "", "", d.Instance, "the instance was terminated")
		default:
			return nil, nil
		}
		return []compute.News{{Host: &h}}, nil
	}
	return nil, nil
}

func detail[T any](e event) (T, error) {
	var d T
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return d, fmt.Errorf("reading the detail of an event %q: %w", e.DetailType, err)
	}
	return d, nil
}
