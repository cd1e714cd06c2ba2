package dynamo_test

import (
	"crypto/rand"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

func TestCreateMakesTheTableOnceWithIndexesAndTTL(t *testing.T) {
	c, name := client(peers.DynamoDBLocal(t)), "made-"+rand.Text()
	for range 2 { // the second time it is there
		if err := dynamo.Create(t.Context(), c, name, orderings); err != nil {
			t.Fatal(err)
		}
	}
	out, err := c.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]types.ProjectionType{}
	for _, index := range out.Table.GlobalSecondaryIndexes {
		got[*index.IndexName] = index.Projection.ProjectionType
	}
	want := map[string]types.ProjectionType{"one": types.ProjectionTypeAll, "two": types.ProjectionTypeKeysOnly}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("indexes (-want +got):\n%s", diff)
	}
	if mode := out.Table.BillingModeSummary.BillingMode; mode != types.BillingModePayPerRequest {
		t.Errorf("the table is paid for by %s, want by request", mode)
	}
	ttl, err := c.DescribeTimeToLive(t.Context(), &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if d := ttl.TimeToLiveDescription; d.TimeToLiveStatus != types.TimeToLiveStatusEnabled || *d.AttributeName != dynamo.TTLAttribute {
		t.Errorf("time to live is %s by %q, want it on by %q", d.TimeToLiveStatus, *d.AttributeName, dynamo.TTLAttribute)
	}
}

// Names of attributes are those of the records that exist: changing one loses them.
func TestDefinitionKeepsItsNames(t *testing.T) {
	var got []string
	for _, a := range dynamo.Definition(dynamo.Orderings()).AttributeDefinitions {
		got = append(got, *a.AttributeName+" "+string(a.AttributeType))
	}
	want := []string{"p S", "s S", "listP S", "listS S", "readyP S", "readyS S"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes of keys (-want +got):\n%s", diff)
	}
}

// An ordering that the records get and this table lacks would be asked for in vain.
func TestATableOfTheProductHasAllOrderingsButThatByTask(t *testing.T) {
	got := []string{store.OrderTask} // ECS finds its tasks itself
	for _, o := range dynamo.Orderings() {
		got = append(got, o.Name)
	}
	want := store.Orderings()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("orderings (-want +got):\n%s", diff)
	}
}
