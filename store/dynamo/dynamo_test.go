package dynamo_test

import (
	"crypto/rand"
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

// suite holds the table to its promises, with one ordering of each kind.
func suite(t *testing.T, endpoint string) {
	t.Helper()
	orderings := []dynamo.Ordering{{Name: storetest.OrderingOne, Whole: true}, {Name: storetest.OrderingTwo}}
	c, name := client(endpoint), "suite-"+rand.Text()
	if err := dynamo.Create(t.Context(), c, name, orderings); err != nil {
		t.Fatal(err)
	}
	storetest.Run(t, func(t *testing.T) store.Table {
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
	})
}

func TestTableOnDynamoDBLocal(t *testing.T) { suite(t, peers.DynamoDBLocal(t)) }

func TestTableOnMoto(t *testing.T) { suite(t, peers.Moto(t)) }

var _ dynamo.Creator = (*dynamodb.Client)(nil)
