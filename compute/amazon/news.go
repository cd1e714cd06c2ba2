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

func eventOf(raw json.RawMessage) (event, error) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("reading an event: %w", err)
	}
	return e, nil
}

// tells returns the task or the host that an event is about. Tasks that are not ours give
// neither, and so do events of other kinds. A host is told by its instance only, without
// ID and environment: [Backend.Hear] adds them.
//
// The details of ECS's events are the tasks and container instances of its API in JSON,
// with times as text.
func (e event) tells() (task *ecstypes.Task, host *compute.Host, err error) {
	switch e.DetailType {
	case eventTask:
		t, err := detail[ecstypes.Task](e)
		if s := statusOf(t); err != nil || s.ID == "" || s.JobID == "" || !isOurs(t) {
			return nil, nil, err
		}
		return &t, nil, nil
	case eventContainer:
		c, err := detail[ecstypes.ContainerInstance](e)
		if err != nil || deref(c.Ec2InstanceId) == "" {
			return nil, nil, err
		}
		host = &compute.Host{Instance: *c.Ec2InstanceId}
		join(host, c)
		return nil, host, nil
	case eventSpot, eventRebalance, eventInstance:
		d, err := detail[ec2Detail](e)
		if err != nil || d.Instance == "" {
			return nil, nil, err
		}
		return nil, e.instance(d), nil
	}
	return nil, nil, nil
}

// instance is what an event of EC2 means for a host; nil for nothing.
func (e event) instance(d ec2Detail) *compute.Host {
	h := &compute.Host{Instance: d.Instance, State: compute.HostDraining}
	switch {
	case e.DetailType == eventSpot:
		h.Reason = "EC2 takes the Spot Instance back in two minutes"
	case e.DetailType == eventRebalance:
		h.Reason = "the Spot Instance is at elevated risk of interruption"
	case d.State == "shutting-down" || d.State == "terminated":
		end := gone("", "", "", d.Instance, "the instance was terminated")
		return &end
	default:
		return nil
	}
	return h
}

func detail[T any](e event) (T, error) {
	var d T
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return d, fmt.Errorf("reading the detail of an event %q: %w", e.DetailType, err)
	}
	return d, nil
}
