package batch

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// DefaultLogGroup is where logs go that a definition does not direct elsewhere
// (user guide, "Using the awslogs log driver").
const DefaultLogGroup = "/aws/batch/job"

// maxStreamDefinition is how much of the definition's name goes into the name of a
// log stream (user guide, "Job states").
const maxStreamDefinition = 200

// LogStream returns the log stream of a container of a task:
// "<definition>/<container>/<task>", or with awslogs-stream-prefix
// "<prefix>/<container>/<task>". definition is "name:revision".
func LogStream(definition string, c types.TaskContainerProperties, task string) string {
	prefix, _, _ := strings.Cut(definition, ":")
	if len(prefix) > maxStreamDefinition {
		prefix = prefix[:maxStreamDefinition]
	}
	if c.LogConfiguration != nil && c.LogConfiguration.Options["awslogs-stream-prefix"] != "" {
		prefix = c.LogConfiguration.Options["awslogs-stream-prefix"]
	}
	name := deref(c.Name)
	if name == "" {
		name = DefaultContainer
	}
	return prefix + "/" + name + "/" + task
}

// LogGroup returns the log group of a container.
func LogGroup(c types.TaskContainerProperties) string {
	if c.LogConfiguration != nil && c.LogConfiguration.Options["awslogs-group"] != "" {
		return c.LogConfiguration.Options["awslogs-group"]
	}
	return DefaultLogGroup
}
