package stage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/packhorse-batch/packhorse/localstack/runner"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// PassStream is the event source mapping of the pass function on a table at an endpoint of
// DynamoDB, with the filter that the template gives it. It switches the stream of the table
// on.
func PassStream(
	ctx context.Context, endpoint string, client *dynamodb.Client, table string,
	invoke func(ctx context.Context, event any) (json.RawMessage, error),
) (*runner.Stream, error) {
	described, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return nil, err
	}
	about := described.Table
	if about.LatestStreamArn == nil {
		on := &dynamodbtypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: dynamodbtypes.StreamViewTypeKeysOnly}
		out, err := client.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &table, StreamSpecification: on})
		if err != nil {
			return nil, fmt.Errorf("switch the stream of the table on: %w", err)
		}
		about = out.TableDescription
	}
	return &runner.Stream{
		ARN: aws.ToString(about.LatestStreamArn), Invoke: invoke,
		Client: dynamodbstreams.New(dynamodbstreams.Options{
			Region: Region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		}),
		Wanted: func(r types.Record) bool {
			partition, ok := r.Dynamodb.Keys[dynamo.PartitionAttribute].(*types.AttributeValueMemberS)
			return !ok || store.Wakes(partition.Value)
		},
	}, nil
}
