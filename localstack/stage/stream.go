package stage

import (
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/packhorse-batch/packhorse/localstack/runner"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// stream is the event source mapping of the pass function, with the filter that the
// template gives it.
func (s *Stage) stream(arn string) *runner.Stream {
	return &runner.Stream{
		ARN: arn, Function: s.Functions["pass"],
		Client: dynamodbstreams.New(dynamodbstreams.Options{
			Region: Region, BaseEndpoint: &s.o.DynamoDB, Credentials: credentials.NewStaticCredentialsProvider("any", "any", ""),
		}),
		Wanted: func(r types.Record) bool {
			partition, ok := r.Dynamodb.Keys[dynamo.PartitionAttribute].(*types.AttributeValueMemberS)
			return !ok || store.Wakes(partition.Value)
		},
	}
}
