package infra

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packhorse-batch/packhorse/localstack/stage"
)

// What tests and benchmarks play with is what is deployed.
func TestTheQueueOfNewsIsTheOneThatTestsPlayWith(t *testing.T) {
	all := resources(t)
	source, queue, function := all["EventsSource"].properties, all["EventsQueue"].properties, all["EventsFunction"].properties
	number := func(from map[string]any, name string) int {
		t.Helper()
		n, ok := from[name].(float64)
		if !ok {
			t.Errorf("%s is %v, want a number", name, from[name])
		}
		return int(n)
	}
	for what, have := range map[string][2]int{
		"BatchSize":                      {number(source, "BatchSize"), stage.EventsBatch},
		"MaximumBatchingWindowInSeconds": {number(source, "MaximumBatchingWindowInSeconds"), int(stage.EventsWindow / time.Second)},
		"MaximumConcurrency":             {number(source["ScalingConfig"].(map[string]any), "MaximumConcurrency"), stage.EventsConcurrency},
		"VisibilityTimeout":              {number(queue, "VisibilityTimeout"), int(stage.EventsVisibility / time.Second)},
		"maxReceiveCount":                {number(queue["RedrivePolicy"].(map[string]any), "maxReceiveCount"), stage.EventsReceives},
	} {
		if have[0] != have[1] {
			t.Errorf("%s is %d in the template, %d in localstack/stage", what, have[0], have[1])
		}
	}
	// Lambda refuses a mapping whose messages could come again while the function has them.
	if visible, takes := number(queue, "VisibilityTimeout"), number(function, "Timeout"); visible < takes {
		t.Errorf("a message comes again after %d s, and the function may take %d s", visible, takes)
	}
	if types := texts(source["FunctionResponseTypes"]); len(types) != 1 || types[0] != "ReportBatchItemFailures" {
		t.Errorf("FunctionResponseTypes = %v: without ReportBatchItemFailures one failure would be taken for success", types)
	}
}

// News of tasks goes through the queue, which EventBridge may write to; a notice that EC2
// takes an instance goes to the function itself.
func TestNewsGoesThroughTheQueueAndNoticesDoNot(t *testing.T) {
	all := resources(t)
	for rule, want := range map[string]string{"TasksRule": "EventsQueue.Arn", "NoticesRule": "EventsFunction.Arn"} {
		target := all[rule].properties["Targets"].([]any)[0].(map[string]any)
		if target["Arn"] != want {
			t.Errorf("%s goes to %v, want %s", rule, target["Arn"], want)
		}
		if letters := target["DeadLetterConfig"].(map[string]any)["Arn"]; letters != "EventsDeadLetters.Arn" {
			t.Errorf("%s: what cannot be delivered goes to %v", rule, letters)
		}
	}
	if letters := all["EventsQueue"].properties["RedrivePolicy"].(map[string]any)["deadLetterTargetArn"]; letters != "EventsDeadLetters.Arn" {
		t.Errorf("what the function cannot handle goes to %v", letters)
	}
}

// Lambda empties the queue in the function's name, with these rights and no more (AWS
// Lambda developer guide, "Using Lambda with Amazon SQS": execution role permissions). Only
// the rule of tasks may fill it.
func TestTheQueueOfNewsIsEmptiedAndFilledByThoseItIsFor(t *testing.T) {
	emptied := map[string]bool{"sqs:ReceiveMessage": true, "sqs:DeleteMessage": true, "sqs:GetQueueAttributes": true}
	for _, s := range statements(t) {
		ofQueue := slices.Contains(s.resources, "EventsQueue.Arn")
		switch {
		case !ofQueue:
		case strings.HasPrefix(s.where, "EventsRole."):
			for _, action := range s.actions {
				if !emptied[action] {
					t.Errorf("%s allows %s on the queue of news", s.where, action)
				}
				delete(emptied, action)
			}
		case s.where == "EventsQueuePolicy.PolicyDocument.Statement[0]":
			only, _ := s.condition["ArnEquals"].(map[string]any)
			if only["aws:SourceArn"] != "TasksRule.Arn" || !slices.Equal(s.actions, []string{"sqs:SendMessage"}) {
				t.Errorf("%s: %v if %v; want the rule of tasks alone to send", s.where, s.actions, s.condition)
			}
		default:
			t.Errorf("%s has to do with the queue of news", s.where)
		}
	}
	for action := range emptied {
		t.Errorf("the function events lacks %s", action)
	}
}
