package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/packhorse-batch/packhorse/store"
)

// kind is what an error of a call means for it.
type kind int

const (
	// unknown: the call may or may not have happened. Trying again is useful.
	unknown kind = iota
	// later: nothing happened, and the same call may succeed in a moment.
	later
	// refused: a condition did not hold; nothing happened.
	refused
	// broken: nothing happened, and the same call cannot succeed.
	broken
	// denied: nothing happened, and somebody has to do something first.
	denied
)

// kinds are the error codes of DynamoDB. Source: developer guide, "Error handling
// with DynamoDB"; API reference, TransactWriteItems. A code that is not here is judged
// by its HTTP status.
var kinds = map[string]kind{
	"ConditionalCheckFailedException": refused,

	"ProvisionedThroughputExceededException": later,
	"ThrottlingException":                    later,
	"RequestLimitExceeded":                   later,
	"LimitExceededException":                 later,
	"ReplicatedWriteConflictException":       later,
	"TransactionConflictException":           later, // a transaction on the item is under way

	// Our own transaction is under way still: whether it succeeds is not known.
	"TransactionInProgressException": unknown,
	"InternalServerError":            unknown,
	"ServiceUnavailable":             unknown,

	"ValidationException":                      broken,
	"IdempotentParameterMismatchException":     broken,
	"ItemCollectionSizeLimitExceededException": broken,

	"ResourceNotFoundException": denied,
}

// cancelled is what the reasons of a cancelled transaction mean. Source: API
// reference, TransactWriteItems, "Cancellation reason codes".
var cancelled = map[string]kind{
	"ConditionalCheckFailed":          refused,
	"ItemCollectionSizeLimitExceeded": broken,
	"ValidationError":                 broken,
	"TransactionConflict":             later,
	"ProvisionedThroughputExceeded":   later,
	"ThrottlingError":                 later,
}

// failure is an error with what it means.
type failure struct {
	kind  kind
	err   error
	index int        // refused: the operation whose condition did not hold
	found attributes // refused: what is stored instead, when it was asked for
}

// judge tells what an error means. Here, and only here, codes of AWS are known.
func judge(err error) failure {
	f := failure{kind: unknown, err: err}
	var transaction *types.TransactionCanceledException
	var condition *types.ConditionalCheckFailedException
	var api smithy.APIError
	var answer *smithyhttp.ResponseError
	var dial *net.OpError
	switch {
	case errors.As(err, &transaction):
		f.kind, f.index = reasonsOf(transaction)
	case errors.As(err, &condition):
		f.kind, f.found = refused, condition.Item
	case errors.As(err, &api):
		var known bool
		if f.kind, known = kinds[api.ErrorCode()]; known {
			break
		}
		f.kind = denied // AccessDeniedException, ExpiredTokenException, UnrecognizedClientException, ...
		if errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusInternalServerError {
			f.kind = unknown
		}
	case errors.As(err, &dial) && dial.Op == "dial":
		f.kind = later // there was no connection to send anything on
	case unsent(err):
		f.kind = denied // no credentials, no region, ...
	}
	return f
}

// unsent reports whether a call failed inside the SDK before it was sent: the SDK tells
// what failed at sending, and after it.
func unsent(err error) bool {
	var operation *smithy.OperationError
	var sending *smithyhttp.RequestSendError
	var answer *smithyhttp.ResponseError
	var reading *smithy.DeserializationError
	return errors.As(err, &operation) && !errors.As(err, &sending) && !errors.As(err, &answer) && !errors.As(err, &reading) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// reasonsOf is what the reasons of a cancelled transaction mean together: a condition
// that does not hold decides, since waiting does not change it.
func reasonsOf(e *types.TransactionCanceledException) (k kind, index int) {
	k = later
	for i, r := range e.CancellationReasons {
		if r.Code == nil {
			continue
		}
		switch cancelled[*r.Code] {
		case refused:
			return refused, i
		case broken:
			k = broken
		}
	}
	return k, 0
}

// asStore is a failure of a call that did not happen, in the words of package store.
func (f failure) asStore(call string) error {
	switch f.kind {
	case broken:
		return fmt.Errorf("%w: %s: %w", store.ErrInvalid, call, f.err)
	case denied:
		return fmt.Errorf("%w: %s: %w; see that the table exists in this region, and that the credentials may use it",
			store.ErrUnavailable, call, f.err)
	}
	return fmt.Errorf("%w: %s, after %d tries: %w", store.ErrUnavailable, call, maxTries, f.err)
}
