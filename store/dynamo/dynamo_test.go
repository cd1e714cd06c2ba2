package dynamo_test

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
	"github.com/packhorse-batch/packhorse/store/storetest"
)

// client is a client of an imitation of DynamoDB.
func client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
	})
}

// both kinds of an ordering, under the names of the suite.
var orderings = []dynamo.Ordering{{Name: storetest.OrderingOne, Whole: true}, {Name: storetest.OrderingTwo}}

// open makes a table for one test.
func open(t *testing.T, creator dynamo.Creator, c dynamo.Client) store.Table {
	t.Helper()
	name := "test-" + rand.Text()
	if err := dynamo.Create(t.Context(), creator, name, orderings); err != nil {
		t.Fatal(err)
	}
	table, err := dynamo.Open(t.Context(), dynamo.Options{Client: c, Table: name, Orderings: orderings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

func TestTableOnDynamoDBLocal(t *testing.T) {
	c := client(peers.DynamoDBLocal(t))
	storetest.Run(t, func(t *testing.T) store.Table { return open(t, c, c) })
}

func TestTableOnMoto(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute; DynamoDB Local holds the same promises")
	}
	c := client(peers.Moto(t))
	storetest.Run(t, func(t *testing.T) store.Table { return open(t, c, &oneByOne{Client: c}) })
}

// oneByOne writes one at a time. When moto cancels a transaction it puts back a copy
// of the table from before, and with it undoes what others wrote meanwhile.
type oneByOne struct {
	*dynamodb.Client
	mu sync.Mutex
}

func (c *oneByOne) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Client.PutItem(ctx, in, o...)
}

func (c *oneByOne) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Client.DeleteItem(ctx, in, o...)
}

func (c *oneByOne) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Client.TransactWriteItems(ctx, in, o...)
}

var _ dynamo.Creator = (*dynamodb.Client)(nil)
