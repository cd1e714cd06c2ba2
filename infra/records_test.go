package infra

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// definition is a table, in the words of the API and of the template alike.
type definition struct {
	BillingMode            string
	AttributeDefinitions   []map[string]string
	KeySchema              []map[string]string
	GlobalSecondaryIndexes []struct {
		IndexName  string
		KeySchema  []map[string]string
		Projection struct{ ProjectionType string }
	}
}

func read(t *testing.T, from any) definition {
	t.Helper()
	text, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	var d definition
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheTableIsTheOneThatTheStoreDefines(t *testing.T) {
	table := resources(t)["Table"].properties
	want, got := read(t, dynamo.Definition(dynamo.Orderings())), read(t, table)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the template's table is not that of store/dynamo (-store +template):\n%s", diff)
	}
	ttl := table["TimeToLiveSpecification"].(map[string]any)
	if ttl["AttributeName"] != dynamo.TTLAttribute || ttl["Enabled"] != true {
		t.Errorf("TimeToLiveSpecification = %v, want %s, enabled", ttl, dynamo.TTLAttribute)
	}
}

// The stream's filter drops only what wakes no pass, and at least what every pass
// writes: one that woke itself would never end.
func TestTheStreamDropsOnlyWhatWakesNoPass(t *testing.T) {
	criteria := resources(t)["PassStream"].properties["FilterCriteria"].(map[string]any)
	filter := criteria["Filters"].([]any)[0].(map[string]any)["Pattern"].(string)
	var pattern struct {
		Dynamodb struct {
			Keys map[string]struct {
				S []struct {
					Not []string `json:"anything-but"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(filter), &pattern); err != nil {
		t.Fatalf("filter of the stream: %v", err)
	}
	dropped := pattern.Dynamodb.Keys[dynamo.PartitionAttribute].S[0].Not
	for _, partition := range dropped {
		if store.Wakes(partition) {
			t.Errorf("the filter drops %q, whose change wakes a pass", partition)
		}
	}
	for _, partition := range []string{"lease", "note", "why"} {
		if !slices.Contains(dropped, partition) {
			t.Errorf("the filter lets %q through, which passes write themselves", partition)
		}
	}
	if view := resources(t)["Table"].properties["StreamSpecification"].(map[string]any)["StreamViewType"]; !strings.Contains(view.(string), "KEYS") {
		t.Errorf("StreamViewType = %v; KEYS_ONLY is enough, a pass reads what it needs", view)
	}
}
