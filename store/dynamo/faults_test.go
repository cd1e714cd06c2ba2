package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/packhorse-batch/packhorse/localstack/peers"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/dynamo"
)

// weather is DynamoDB Local behind a bad network and an account with limits: each call
// can fail before it has an effect, or after it.
type weather struct {
	*dynamodb.Client
	mu     sync.Mutex
	calls  int
	before func(call int) error // of the calls, from 1; nil lets them through
	after  func(call int) error
	leave  func(call int) bool // leaves out the keys of a BatchGet
}

func (w *weather) next() (call int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.before != nil {
		err = w.before(w.calls)
	}
	return w.calls, err
}

func through[I, O any](w *weather, ctx context.Context, in *I, call func(context.Context, *I, ...func(*dynamodb.Options)) (*O, error), o []func(*dynamodb.Options)) (*O, error) {
	n, err := w.next()
	if err != nil {
		return nil, err
	}
	out, err := call(ctx, in, o...)
	if err == nil && w.after != nil {
		err = w.after(n)
	}
	return out, err
}

func (w *weather) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return through(w, ctx, in, w.Client.GetItem, o)
}

func (w *weather) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return through(w, ctx, in, w.Client.Query, o)
}

func (w *weather) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return through(w, ctx, in, w.Client.PutItem, o)
}

func (w *weather) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	return through(w, ctx, in, w.Client.DeleteItem, o)
}

func (w *weather) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return through(w, ctx, in, w.Client.TransactWriteItems, o)
}

func (w *weather) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	n, err := w.next()
	if err != nil {
		return nil, err
	}
	left := map[string]types.KeysAndAttributes{}
	if w.leave != nil && w.leave(n) {
		for table, keys := range in.RequestItems { // all but the first key, if there is one to spare
			kept := keys
			kept.Keys, keys.Keys = keys.Keys[min(1, len(keys.Keys)-1):], keys.Keys[:min(1, len(keys.Keys)-1)]
			left[table], in.RequestItems = kept, map[string]types.KeysAndAttributes{table: keys}
			if len(keys.Keys) == 0 {
				return &dynamodb.BatchGetItemOutput{UnprocessedKeys: left}, nil
			}
		}
	}
	out, err := w.Client.BatchGetItem(ctx, in, o...)
	if err == nil {
		out.UnprocessedKeys = left
	}
	return out, err
}

// scene is a table in some weather, with all pauses that were made between tries.
type scene struct {
	*weather
	name   string
	table  *dynamo.Table
	pauses []time.Duration
}

func inWeather(t *testing.T) *scene {
	t.Helper()
	c := client(peers.DynamoDBLocal(t))
	name := "weather-" + rand.Text()
	if err := dynamo.Create(t.Context(), c, name, orderings); err != nil {
		t.Fatal(err)
	}
	s := &scene{weather: &weather{Client: c}, name: name}
	var err error
	s.table, err = dynamo.Open(t.Context(), dynamo.Options{
		Client: s.weather, Table: name, Orderings: orderings,
		Wait: func(ctx context.Context, d time.Duration) error {
			s.pauses = append(s.pauses, d)
			return ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.calls = 0
	return s
}

func api(code string) error { return &smithy.GenericAPIError{Code: code, Message: "as the test says"} }

// status is an error with a code that is not known and an HTTP status.
func status(n int, err error) error {
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: n}}, Err: err}
}

// errLost is a connection that broke; nobody knows when.
var errLost = errors.New("read tcp: connection reset by peer")

func cancelledBy(codes ...string) error {
	e := &types.TransactionCanceledException{}
	for _, c := range codes {
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: aws.String(c)})
	}
	return e
}

var pair = []store.Op{
	store.Put(store.Item{Key: store.Key{Partition: "job", Sort: "a"}, Data: []byte("x")}, store.IfAbsent()),
	store.Put(store.Item{Key: store.Key{Partition: "job", Sort: "b"}, Data: []byte("x")}, store.IfAbsent()),
}

const most = 10 // tries of one call

func TestWhatAFailedWriteMeans(t *testing.T) {
	tests := map[string]struct {
		err   error
		ops   int
		tries int   // that are made when it fails each time
		want  error // nil: none of package store's, since nobody knows
	}{
		"throttled":                   {api("ProvisionedThroughputExceededException"), 1, most, store.ErrUnavailable},
		"throttled by the account":    {api("ThrottlingException"), 2, most, store.ErrUnavailable},
		"another transaction":         {api("TransactionConflictException"), 1, most, store.ErrUnavailable},
		"cancelled by another":        {cancelledBy("None", "TransactionConflict"), 2, most, store.ErrUnavailable},
		"cancelled by throttling":     {cancelledBy("ThrottlingError", "None"), 2, most, store.ErrUnavailable},
		"cancelled by its condition":  {cancelledBy("TransactionConflict", "ConditionalCheckFailed"), 2, 1, store.ErrConflict},
		"cancelled as invalid":        {cancelledBy("ValidationError", "None"), 2, 1, store.ErrInvalid},
		"a condition":                 {api("ConditionalCheckFailedException"), 1, 1, store.ErrConflict},
		"not valid":                   {api("ValidationException"), 1, 1, store.ErrInvalid},
		"no such table":               {api("ResourceNotFoundException"), 1, 1, store.ErrUnavailable},
		"no right":                    {status(400, api("AccessDeniedException")), 1, 1, store.ErrUnavailable},
		"no connection to begin with": {&net.OpError{Op: "dial", Err: errors.New("refused")}, 1, most, store.ErrUnavailable},
		"a broken connection":         {errLost, 1, most, nil},
		"a broken connection, of two": {errLost, 2, most, nil},
		"a fault inside DynamoDB":     {api("InternalServerError"), 1, most, nil},
		"an unknown fault inside":     {status(503, api("SomethingNew")), 1, most, nil},
		"our own transaction":         {api("TransactionInProgressException"), 2, most, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := inWeather(t)
			s.before = func(int) error { return test.err }
			err := s.table.Write(t.Context(), pair[:test.ops]...)
			if test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("Write = %v, want an error that is: %v", err, test.want)
			}
			for _, known := range []error{store.ErrConflict, store.ErrInvalid, store.ErrUnavailable, store.ErrNotFound, store.ErrClosed} {
				if known != test.want && errors.Is(err, known) || err == nil {
					t.Errorf("Write = %v, want none that is: %v", err, known)
				}
			}
			if s.calls != test.tries || len(s.pauses) != test.tries-1 {
				t.Errorf("%d tries with %d pauses, want %d", s.calls, len(s.pauses), test.tries)
			}
			for i, p := range s.pauses {
				if longest := min(3*time.Second, 25*time.Millisecond<<i); p <= 0 || p > longest {
					t.Errorf("pause %d is %v, want more than nothing and at most %v", i+1, p, longest)
				}
			}
		})
	}
}

func TestAConflictInATransactionNamesItsOperation(t *testing.T) {
	s := inWeather(t)
	s.before = func(int) error { return cancelledBy("None", "ConditionalCheckFailed") }
	var conflict *store.ConflictError
	if err := s.table.Write(t.Context(), pair...); !errors.As(err, &conflict) || conflict.Index != 1 || conflict.Key != pair[1].Item.Key {
		t.Errorf("Write = %v, want a conflict in operation 1", err)
	}
}

func TestThrottlingIsSatOut(t *testing.T) {
	s := inWeather(t)
	s.before = func(call int) error {
		if call%3 != 0 {
			return api("ProvisionedThroughputExceededException")
		}
		return nil
	}
	if err := s.table.Write(t.Context(), pair...); err != nil {
		t.Error(err)
	}
	if _, err := s.table.Get(t.Context(), pair[0].Item.Key); err != nil {
		t.Error(err)
	}
	if page, err := s.table.Query(t.Context(), store.Query{Partition: "job", Limit: 5}); err != nil || len(page.Items) != 2 {
		t.Errorf("Query = %+v, %v, want both items", page, err)
	}
}

// The answer to a write is lost, and the write is made again.
func TestAWriteWhoseAnswerWasLostKnowsItself(t *testing.T) {
	first := func(call int) error {
		if call == 1 {
			return errLost
		}
		return nil
	}
	for ops := 1; ops <= 2; ops++ {
		s := inWeather(t)
		s.after = first
		if err := s.table.Write(t.Context(), pair[:ops]...); err != nil {
			t.Errorf("Write of %d operations = %v, want success", ops, err)
		}
		item, err := s.table.Get(t.Context(), pair[0].Item.Key)
		if err != nil || item.Version != 1 {
			t.Errorf("after a Write of %d operations: version %d, %v, want version 1", ops, item.Version, err)
		}
		if s.calls != 3 {
			t.Errorf("%d calls, want 2 tries and a Get", s.calls)
		}
	}
}

// meanwhile makes ops through another client, between a lost answer and the next try.
func meanwhile(t *testing.T, s *scene, ops ...store.Op) func(int) error {
	return func(call int) error {
		if call > 1 {
			return nil
		}
		s.mu.Lock()
		s.after = nil
		s.mu.Unlock()
		for _, op := range ops {
			if err := s.table.Write(t.Context(), op); err != nil {
				t.Error(err)
			}
		}
		return errLost
	}
}

func TestAWriteWhoseAnswerWasLostAndThatAnotherFollowed(t *testing.T) {
	key := pair[0].Item.Key
	of := func(c store.Condition) store.Op {
		return store.Put(store.Item{Key: key, Data: []byte("another's")}, c)
	}
	tests := map[string]struct {
		op       store.Op
		happened bool // the first try
		then     []store.Op
		known    error // nil: what became of it is not known
	}{
		"another wrote over it":        {pair[0], true, []store.Op{of(store.IfVersion(1))}, nil},
		"another deleted it":           {store.Put(pair[0].Item, store.IfVersion(1)), true, []store.Op{store.Delete(key, store.Always())}, nil},
		"another was first":            {pair[0], false, []store.Op{of(store.IfAbsent())}, store.ErrConflict},
		"a delete that happened":       {store.Delete(key, store.IfVersion(1)), true, nil, nil},
		"a delete that had no meaning": {store.Delete(key, store.IfAbsent()), false, []store.Op{of(store.IfAbsent())}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := inWeather(t)
			if test.op.If.Version > 0 {
				if err := s.table.Write(t.Context(), pair[0]); err != nil {
					t.Fatal(err)
				}
			}
			s.calls = 0
			if test.happened {
				s.after = meanwhile(t, s, test.then...)
			} else {
				act := meanwhile(t, s, test.then...)
				s.before = func(call int) error {
					if call > 1 {
						return nil
					}
					s.mu.Unlock() // act calls the table too
					defer s.mu.Lock()
					return act(call)
				}
			}
			err := s.table.Write(t.Context(), test.op)
			switch {
			case test.known != nil && !errors.Is(err, test.known):
				t.Errorf("Write = %v, want an error that is: %v", err, test.known)
			case test.known == nil && (!errors.Is(err, errLost) || errors.Is(err, store.ErrConflict)):
				t.Errorf("Write = %v, want the lost connection, since nobody knows", err)
			}
		})
	}
}

func TestKeysThatWereLeftOutAreAskedForAgain(t *testing.T) {
	s := inWeather(t)
	var keys []store.Key
	for i := range 5 {
		it := store.Item{Key: store.Key{Partition: "job", Sort: fmt.Sprint(i)}, Data: []byte("x")}
		keys = append(keys, it.Key)
		if err := s.table.Write(t.Context(), store.Put(it, store.IfAbsent())); err != nil {
			t.Fatal(err)
		}
	}
	s.calls, s.leave = 0, func(call int) bool { return call < 8 }
	items, err := s.table.BatchGet(t.Context(), keys)
	if err != nil || len(items) != 5 {
		t.Errorf("BatchGet = %d items, %v, want 5", len(items), err)
	}
	s.calls, s.pauses, s.leave = 0, nil, func(int) bool { return true }
	if _, err := s.table.BatchGet(t.Context(), keys); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("BatchGet that never gets the last key = %v, want ErrUnavailable", err)
	}
	if len(s.pauses) != most-1 {
		t.Errorf("%d pauses, want %d", len(s.pauses), most-1)
	}
}

func TestAContextEndsAPause(t *testing.T) {
	s := inWeather(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.before = func(call int) error {
		if call == 3 {
			cancel()
		}
		return api("ThrottlingException")
	}
	if err := s.table.Write(ctx, pair[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v, want context.Canceled", err)
	}
	if s.calls != 3 {
		t.Errorf("%d tries, want 3", s.calls)
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	c := client(peers.DynamoDBLocal(t))
	tests := map[string]struct {
		options dynamo.Options
		want    string
	}{
		"no client":     {dynamo.Options{Table: "t"}, "Options.Client is missing"},
		"no name":       {dynamo.Options{Client: c}, "Options.Table is empty"},
		"no such table": {dynamo.Options{Client: c, Table: "nothing"}, "see that the table exists in this region"},
	}
	for name, test := range tests {
		if _, err := dynamo.Open(t.Context(), test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: Open = %v, want an error with %q", name, err, test.want)
		}
	}
}

// A client without credentials sends nothing, and one without anybody at the other end
// neither.
func TestWhatWasNeverSentDidNotHappen(t *testing.T) {
	t.Run("no credentials", func(t *testing.T) {
		s := inWeather(t)
		s.Client = dynamodb.New(dynamodb.Options{
			BaseEndpoint: aws.String(peers.DynamoDBLocal(t)), Region: "us-east-1",
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, errors.New("no profile of that name")
			}),
		})
		err := s.table.Write(t.Context(), pair[0])
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "no profile of that name") || s.calls != 1 {
			t.Errorf("Write = %v after %d tries, want ErrUnavailable with the cause after one", err, s.calls)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		s := inWeather(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.Client = client("http://" + l.Addr().String())
		l.Close()
		if err := s.table.Write(t.Context(), pair...); !errors.Is(err, store.ErrUnavailable) || s.calls != most {
			t.Errorf("Write = %v after %d tries, want ErrUnavailable after %d", err, s.calls, most)
		}
	})
	t.Run("the connection is cut", func(t *testing.T) {
		s := inWeather(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1)) // it may have been understood
				c.Close()
			}
		}()
		s.Client = client("http://" + l.Addr().String())
		if err := s.table.Write(t.Context(), pair...); err == nil || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Write = %v, want an error that leaves open whether it happened", err)
		}
	})
}
