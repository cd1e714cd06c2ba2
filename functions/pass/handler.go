package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/packhorse-batch/packhorse/internal/account/fleet"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// domain is what a pass covers: all queues.
const domain = "all"

// leaseFor is how long a pass may take where the invocation has no deadline.
const leaseFor = time.Minute

type handler struct{ *fleet.Account }

// handle makes a pass for a batch of changed records, or for a schedule, whose event has
// none. When the pass fails the whole batch is reported as failed: it will be brought
// again, and a pass looks at everything, whichever record woke it.
func (h *handler) handle(ctx context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	if len(event.Records) > 0 && !wakes(event.Records) {
		return events.DynamoDBEventResponse{}, nil
	}
	h.Renew()
	ran, err := h.Engine.Alone(ctx, domain, holder(ctx), remaining(ctx), func(ctx context.Context) error {
		_, err := h.Engine.Once(ctx)
		return err
	})
	switch {
	case err == nil:
		h.Log.Debug("pass", "ran", ran, "records", len(event.Records))
		return events.DynamoDBEventResponse{}, nil
	case len(event.Records) == 0:
		return events.DynamoDBEventResponse{}, err
	}
	h.Log.Error("pass failed; its records will come again", slog.Any("error", err))
	return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{
		{ItemIdentifier: event.Records[0].Change.SequenceNumber},
	}}, nil
}

// wakes reports whether one of the records gives a pass something to do.
func wakes(records []events.DynamoDBEventRecord) bool {
	for _, r := range records {
		partition, ok := r.Change.Keys[dynamo.PartitionAttribute]
		if !ok || partition.DataType() != events.DataTypeString || store.Wakes(partition.String()) {
			return true
		}
	}
	return false
}

// holder names this invocation.
func holder(ctx context.Context) string {
	if c, ok := lambdacontext.FromContext(ctx); ok {
		return c.AwsRequestID
	}
	return "unknown"
}

// remaining is how long the invocation may take.
func remaining(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return time.Until(deadline)
	}
	return leaseFor
}
