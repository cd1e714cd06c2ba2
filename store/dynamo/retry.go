package dynamo

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Bounds of one call. Together they let it take half a minute at the very worst of
// throttling; a Lambda's own deadline usually ends it before.
const (
	maxTries = 10
	// firstPause doubles with each try up to maxPause; what is waited is a random part
	// of it, so that callers that were throttled together do not come back together
	// (AWS Architecture Blog, "Exponential Backoff And Jitter").
	firstPause = 25 * time.Millisecond
	maxPause   = 3 * time.Second
	// tryBound is how long one try may take. DynamoDB answers within milliseconds; a
	// connection that has gone silent is given up.
	tryBound = 10 * time.Second
)

// once switches off the client's own retries; see the package comment.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// pause is how long to wait before the try after n failed ones.
func pause(n int) time.Duration {
	longest := min(maxPause, firstPause<<min(n-1, 16))
	return time.Duration(rand.Int64N(int64(longest)) + 1)
}

// sleep waits, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// try makes one try of a call.
func try(ctx context.Context, call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, tryBound)
	defer cancel()
	return call(ctx)
}

// read makes a call that changes nothing, again and again while that may help.
func (t *Table) read(ctx context.Context, what string, call func(ctx context.Context) error) error {
	for n := 1; ; n++ {
		err := try(ctx, call)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f := judge(err)
		if f.kind == refused || f.kind == broken || f.kind == denied || n == maxTries {
			return f.asStore(what)
		}
		if err := t.wait(ctx, pause(n)); err != nil {
			return err
		}
	}
}
