package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/packhorse-batch/packhorse/store"
)

// Ordering is a secondary ordering as DynamoDB keeps it: an index of that name, of 3
// to 255 letters, digits, dots, dashes and underscores.
type Ordering struct {
	Name string
	// Whole says that the index holds whole items, otherwise only their keys.
	//
	// Keys cost half a read unit for each item that is shown, which is fetched from the
	// table, and nothing for a change of an item that stays in its place. Whole items are
	// read with the index itself, about ten to a read unit, but each change of an item is
	// written there too: a unit for each KiB, the price of five read units.
	Whole bool
}

// Orderings are those of store.Orderings that a home on AWS keeps, and both hold keys:
//
//   - What is listed changes where it stands: a job that begins to run, or whose task
//     is known, would cost one write unit more for each of that. The price is that a
//     pass reads half a unit for each job that has a host.
//   - What may start lies still until it starts, but for arrays: each of their children
//     changes them, and would cost up to two write units more.
//
// The ordering by task is left out: on AWS, ECS answers for its tasks itself, and
// store.Options.TaskLookup is off.
func Orderings() []Ordering {
	return []Ordering{{Name: store.OrderList}, {Name: store.OrderReady}}
}

// Attributes of an item. Those of its places are named by placeAttributes.
const (
	attrPartition = PartitionAttribute
	// PartitionAttribute holds the partition key of an item, as its record has it.
	PartitionAttribute = "p"
	attrSort           = "s"
	attrVersion        = "v"
	attrData           = "d"
	attrSqueezed       = "z" // instead of attrData, see squeeze
	attrWrite          = "w"
	// TTLAttribute is what the table's time to live must be switched on for.
	TTLAttribute = "x"
)

// placeAttributes are the keys of an ordering's index.
func placeAttributes(ordering string) (partition, sort string) {
	return ordering + "P", ordering + "S"
}

// Definition describes the table, but for its name and its TTL (see TTLAttribute), in
// the words of the API, which are those of a CloudFormation template as well. It pays
// by request: what nobody uses costs nothing, and a burst of submissions finds room.
func Definition(orderings []Ordering) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		BillingMode: types.BillingModePayPerRequest,
		KeySchema:   keySchema(attrPartition, attrSort),
		AttributeDefinitions: []types.AttributeDefinition{
			text(attrPartition), text(attrSort),
		},
	}
	for _, o := range orderings {
		partition, sort := placeAttributes(o.Name)
		in.AttributeDefinitions = append(in.AttributeDefinitions, text(partition), text(sort))
		projection := types.ProjectionTypeKeysOnly
		if o.Whole {
			projection = types.ProjectionTypeAll
		}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(o.Name), KeySchema: keySchema(partition, sort),
			Projection: &types.Projection{ProjectionType: projection},
		})
	}
	return in
}

func text(attribute string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(attribute), AttributeType: types.ScalarAttributeTypeS}
}

func keySchema(partition, sort string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
	}
}

// Creator is the part of the DynamoDB client that Create needs.
type Creator interface {
	dynamodb.DescribeTableAPIClient
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	UpdateTimeToLive(context.Context, *dynamodb.UpdateTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error)
}

// createBound is how long a table may take until it can be used. DynamoDB needs
// seconds.
const createBound = 5 * time.Minute

// Create makes a table, unless there is one of that name, and waits until it can be
// used. It is for tests and for DynamoDB Local; in an AWS account the CloudFormation
// template makes the table, by the same Definition.
func Create(ctx context.Context, client Creator, table string, orderings []Ordering) error {
	in := Definition(orderings)
	in.TableName = &table
	_, err := client.CreateTable(ctx, in)
	if exists := new(types.ResourceInUseException); errors.As(err, &exists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create table %s: %w", table, err)
	}
	// The table exists at the first look in most imitations: the wait begins short.
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 50 * time.Millisecond })
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &table}, createBound); err != nil {
		return fmt.Errorf("wait for table %s: %w", table, err)
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(TTLAttribute), Enabled: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("switch on the time to live of table %s: %w", table, err)
	}
	return nil
}
