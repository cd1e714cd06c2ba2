package batch_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestLogStream(t *testing.T) {
	logs := func(name string, options map[string]string) types.TaskContainerProperties {
		return types.TaskContainerProperties{Name: &name, LogConfiguration: &types.LogConfiguration{LogDriver: "awslogs", Options: options}}
	}
	long := strings.Repeat("d", 250)
	for name, test := range map[string]struct {
		definition    string
		container     types.TaskContainerProperties
		stream, group string
	}{
		"the one container":          {"d:3", types.TaskContainerProperties{}, "d/default/t1", "/aws/batch/job"},
		"one of several":             {"d:3", types.TaskContainerProperties{Name: new("main")}, "d/main/t1", "/aws/batch/job"},
		"a prefix":                   {"d:3", logs("main", map[string]string{"awslogs-stream-prefix": "p"}), "p/main/t1", "/aws/batch/job"},
		"a group":                    {"d:3", logs("main", map[string]string{"awslogs-group": "/g"}), "d/main/t1", "/g"},
		"options without a group":    {"d:3", logs("main", nil), "d/main/t1", "/aws/batch/job"},
		"only 200 bytes of the name": {long + ":3", types.TaskContainerProperties{}, long[:200] + "/default/t1", "/aws/batch/job"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := batch.LogStream(test.definition, test.container, "t1"); got != test.stream {
				t.Errorf("LogStream = %q, want %q", got, test.stream)
			}
			if got := batch.LogGroup(test.container); got != test.group {
				t.Errorf("LogGroup = %q, want %q", got, test.group)
			}
		})
	}
}
