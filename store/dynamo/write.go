package dynamo

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/rules"
)

// Write applies all operations or none. One alone is a plain put or delete; several
// are a transaction, which costs twice as much.
func (t *Table) Write(ctx context.Context, ops ...store.Op) error {
	if err := rules.CheckWrite(ops); err != nil {
		return err
	}
	if err := t.knows(ops); err != nil {
		return err
	}
	done, err := t.writing(ctx)
	if err != nil {
		return err
	}
	defer done()
	w := t.newWrite(ops)
	what := fmt.Sprintf("write %s", ops[0].Item.Key)
	if len(ops) > 1 {
		what += fmt.Sprintf(" and %d more", len(ops)-1)
	}
	return t.attempt(ctx, what, w)
}

// knows refuses a put into an ordering that the table has no index for: it would
// never be found there.
func (t *Table) knows(ops []store.Op) error {
	for i, op := range ops {
		for _, e := range op.Item.Entries {
			if _, ok := t.orderings[e.Ordering]; !ok && !op.Delete {
				return fmt.Errorf("%w: operation %d: table %s has no ordering %q: give it to Options.Orderings, and the table an index",
					store.ErrInvalid, i, t.name, e.Ordering)
			}
		}
	}
	return nil
}

// attempt makes a write, again and again while that may help, and finds out what
// became of it.
func (t *Table) attempt(ctx context.Context, what string, w write) error {
	var lost error // of a try that may have happened
	for n := 1; ; n++ {
		err := try(ctx, func(ctx context.Context) error { return w.send(ctx, lost != nil) })
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		switch f := judge(err); {
		case f.kind == refused && lost == nil:
			return &store.ConflictError{Index: f.index, Key: w.ops[f.index].Item.Key}
		case f.kind == refused:
			return w.refusedAfterLoss(f, lost)
		case f.kind == unknown:
			lost = err
			if n == maxTries {
				return fmt.Errorf("%s: what became of it is not known after %d tries: %w", what, n, lost)
			}
		case f.kind == later && n < maxTries:
		case lost != nil:
			return fmt.Errorf("%s: what became of it is not known: %w", what, lost)
		default:
			return f.asStore(what)
		}
		if err := t.wait(ctx, pause(n)); err != nil {
			return err
		}
	}
}

// write is one Write on its way. All tries of it are the same request.
type write struct {
	table *Table
	ops   []store.Op
	items []attributes // of the puts
	mark  []byte
}

// markBytes is the length of a write's mark: enough that no two writes of one version
// of one item share it.
const markBytes = 8

func (t *Table) newWrite(ops []store.Op) write {
	w := write{table: t, ops: ops, items: make([]attributes, len(ops)), mark: make([]byte, markBytes)}
	_, _ = rand.Read(w.mark) // never fails
	for i := range ops {
		if !ops[i].Delete {
			w.items[i] = encode(&ops[i].Item, ops[i].If.Version+1, w.mark)
		}
	}
	return w
}

// refusedAfterLoss judges a condition that does not hold after a try that may have
// happened: it may be that try which made it so.
func (w write) refusedAfterLoss(f failure, lost error) error {
	op := w.ops[f.index]
	conflict := &store.ConflictError{Index: f.index, Key: op.Item.Key}
	if len(w.ops) > 1 {
		return conflict // one that happened is answered with success, by its token
	}
	found := reader{attributes: f.found}
	switch {
	case op.Delete || len(f.found) == 0:
		return fmt.Errorf("%s: it may be gone by this call: %w", op.Item.Key, lost)
	case bytes.Equal(found.bytes(attrWrite), w.mark):
		return nil
	case found.number(attrVersion) > op.If.Version+1:
		return fmt.Errorf("%s: another may have written over what this call wrote: %w", op.Item.Key, lost)
	}
	return conflict
}

// send makes one try. again says that an earlier one may have happened.
func (w write) send(ctx context.Context, again bool) error {
	t := w.table
	if len(w.ops) > 1 {
		_, err := t.client.TransactWriteItems(ctx, w.transaction(), once)
		return err
	}
	op := w.ops[0]
	condition, values := conditionOf(op.If)
	show := types.ReturnValuesOnConditionCheckFailureNone
	if op.Delete {
		_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &t.name, Key: keyOf(op.Item.Key), ConditionExpression: condition, ExpressionAttributeValues: values,
		}, once)
		return err
	}
	if again {
		show = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: w.items[0], ConditionExpression: condition, ExpressionAttributeValues: values,
		ReturnValuesOnConditionCheckFailure: show,
	}, once)
	return err
}

func (w write) transaction() *dynamodb.TransactWriteItemsInput {
	in := &dynamodb.TransactWriteItemsInput{
		// DynamoDB remembers it for ten minutes, much longer than all tries take.
		ClientRequestToken: aws.String(fmt.Sprintf("%x", w.mark)),
	}
	for i, op := range w.ops {
		condition, values := conditionOf(op.If)
		var one types.TransactWriteItem
		if op.Delete {
			one.Delete = &types.Delete{
				TableName: &w.table.name, Key: keyOf(op.Item.Key),
				ConditionExpression: condition, ExpressionAttributeValues: values,
			}
		} else {
			one.Put = &types.Put{
				TableName: &w.table.name, Item: w.items[i],
				ConditionExpression: condition, ExpressionAttributeValues: values,
			}
		}
		in.TransactItems = append(in.TransactItems, one)
	}
	return in
}

// conditionOf is a condition in DynamoDB's words.
func conditionOf(c store.Condition) (expression *string, values attributes) {
	switch {
	case c.Any:
		return nil, nil
	case c.Version == 0:
		return aws.String("attribute_not_exists(" + attrPartition + ")"), nil
	}
	return aws.String(attrVersion + " = :v"), attributes{":v": num(c.Version)}
}
