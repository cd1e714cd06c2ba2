package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// Stream is an event source mapping of a DynamoDB stream.
type Stream struct {
	Client *dynamodbstreams.Client
	ARN    string // of the stream
	// Invoke calls the function; Function.Invoke is one.
	Invoke func(ctx context.Context, event any) (json.RawMessage, error)
	// Wanted filters records, as the FilterCriteria of a mapping do; nil wants all.
	Wanted func(types.Record) bool
	// Pause is the time between two looks at a stream without news; 0 is 100 ms (Lambda
	// looks four times a second).
	Pause time.Duration
	// Retries is how often a batch is tried again before it is dropped; 0 is 20.
	Retries int
	// Dropped is told of what was given up.
	Dropped func(record types.Record, why error)
}

// batch is how many records a function gets at most.
const batchSize = 100

// Run brings the records of a stream to its function until ctx ends.
func (s *Stream) Run(ctx context.Context) error {
	if s.Pause == 0 {
		s.Pause = 100 * time.Millisecond
	}
	if s.Retries == 0 {
		s.Retries = 20
	}
	iterators := map[string]string{} // by shard; empty: it is read to its end
	for ctx.Err() == nil {
		if err := s.shards(ctx, iterators); err != nil {
			return err
		}
		read := 0
		for shard, iterator := range iterators {
			if iterator == "" {
				continue
			}
			n, next, err := s.read(ctx, iterator)
			if err != nil {
				return err
			}
			read += n
			iterators[shard] = next
		}
		if read == 0 {
			select {
			case <-time.After(s.Pause):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err()
}

// shards finds the shards of the stream that are not known yet.
func (s *Stream) shards(ctx context.Context, iterators map[string]string) error {
	out, err := s.Client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: &s.ARN})
	if err != nil {
		return quiet(ctx, fmt.Errorf("describe the stream: %w", err))
	}
	for _, shard := range out.StreamDescription.Shards {
		if _, known := iterators[*shard.ShardId]; known {
			continue
		}
		it, err := s.Client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
			StreamArn: &s.ARN, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
		})
		if err != nil {
			return quiet(ctx, fmt.Errorf("shard %s: %w", *shard.ShardId, err))
		}
		iterators[*shard.ShardId] = *it.ShardIterator
	}
	return nil
}

// read brings what is next in a shard to the function.
func (s *Stream) read(ctx context.Context, iterator string) (n int, next string, err error) {
	out, err := s.Client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: &iterator, Limit: aws.Int32(batchSize)})
	if err != nil {
		return 0, iterator, quiet(ctx, fmt.Errorf("read the stream: %w", err))
	}
	var wanted []types.Record
	for _, r := range out.Records {
		if s.Wanted == nil || s.Wanted(r) {
			wanted = append(wanted, r)
		}
	}
	s.bring(ctx, wanted)
	return len(out.Records), aws.ToString(out.NextShardIterator), nil
}

// bring hands a batch to the function until it is done with it: after a failure again
// from the first record that it names.
func (s *Stream) bring(ctx context.Context, records []types.Record) {
	for try := 0; len(records) > 0 && ctx.Err() == nil; try++ {
		out, err := s.Invoke(ctx, event(s.ARN, records))
		var answer events.DynamoDBEventResponse
		if err == nil && len(out) > 0 {
			err = json.Unmarshal(out, &answer)
		}
		switch {
		case err == nil && len(answer.BatchItemFailures) == 0:
			return
		case err == nil:
			before := len(records)
			records = from(records, answer.BatchItemFailures)
			err = errors.New("the function reported it as failed")
			if len(records) < before {
				try = 0
			}
		}
		if try >= s.Retries {
			if s.Dropped != nil {
				s.Dropped(records[0], err)
			}
			records, try = records[1:], 0
		}
	}
}

// from is a batch from the first failure on.
func from(records []types.Record, failures []events.DynamoDBBatchItemFailure) []types.Record {
	for i, r := range records {
		for _, f := range failures {
			if f.ItemIdentifier == aws.ToString(r.Dynamodb.SequenceNumber) {
				return records[i:]
			}
		}
	}
	return records
}

// event is a batch as a function gets it.
func event(arn string, records []types.Record) map[string]any {
	var list []map[string]any
	for _, r := range records {
		d := map[string]any{
			"SequenceNumber": aws.ToString(r.Dynamodb.SequenceNumber), "SizeBytes": aws.ToInt64(r.Dynamodb.SizeBytes),
			"StreamViewType": r.Dynamodb.StreamViewType, "Keys": attributes(r.Dynamodb.Keys),
		}
		if r.Dynamodb.NewImage != nil {
			d["NewImage"] = attributes(r.Dynamodb.NewImage)
		}
		if r.Dynamodb.OldImage != nil {
			d["OldImage"] = attributes(r.Dynamodb.OldImage)
		}
		list = append(list, map[string]any{
			"eventID": aws.ToString(r.EventID), "eventName": r.EventName, "eventVersion": "1.1",
			"eventSource": "aws:dynamodb", "awsRegion": "us-east-1", "dynamodb": d, "eventSourceARN": arn,
		})
	}
	return map[string]any{"Records": list}
}

// attributes writes the kinds of attribute that a table of ours has.
func attributes(all map[string]types.AttributeValue) map[string]any {
	out := map[string]any{}
	for name, value := range all {
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			out[name] = map[string]any{"S": v.Value}
		case *types.AttributeValueMemberN:
			out[name] = map[string]any{"N": v.Value}
		case *types.AttributeValueMemberB:
			out[name] = map[string]any{"B": v.Value}
		}
	}
	return out
}

// quiet drops an error that is only the end of ctx.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
