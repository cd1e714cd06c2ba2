package dynamo

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/packhorse-batch/packhorse/store"
)

// DynamoDB counts each KiB that is begun. Data is squeezed where that saves one, and
// stands in an attribute of its own then; what is small stays readable in the console.
//
// Records are JSON of a kilobyte, too short to repeat much, so the compressor begins
// with the words that nearly all of them have. They are part of the layout: text may
// be read only with those that it was written with.

// unit is how many bytes a write unit pays for.
const unit = 1024

// words are what records have in common, what is most frequent last.
const words = `"retryStrategy":{"attempts":"evaluateOnExit":[{"action":"RETRY","onStatusReason":"Host EC2*"}` +
	`"timeout":{"attemptDurationSeconds":"dependsOn":[{"jobId":"arrayProperties":{"size":"shareIdentifier":"` +
	`"schedulingPriorityOverride":"propagateTags":true,"parameters":{"ecsPropertiesOverride":{"taskProperties":` +
	`"vcpus":"memory":"resourceRequirements":[{"type":"VCPU","value":"1"},{"type":"MEMORY","value":"2048"}]` +
	`"linuxParameters":"logConfiguration":{"logDriver":"awslogs","options":{"secrets":[{"name":"valueFrom":"arn:aws:` +
	`"image":"dkr.ecr.us-east-1.amazonaws.com/"fargatePlatformConfiguration"networkConfiguration` +
	`"bash","-c","-lc","sh","python3","aws s3 cp s3://--.fastq.gz.tar.gz.csv.json.parquet` +
	`"r":"Essential container in task exited""sr":"Essential container in task exited"` +
	`"ce":"cl":"~0123456789abcdef-018f"i-0"e":"local","h":"default","t":{"x":0,"am":1,"a":1,"so":1700000000000,"sa":1700000000000,` +
	`"n":"q":"d":":1","s":"RUNNABLE","s":"STARTING","s":"RUNNING","s":"SUCCEEDED","s":"FAILED",` +
	`"ca":1700000000000,"w":{"c":1000,"m":2048},"l":{"n":1,"p":{"e":"` +
	"\n" + `{"r":{"containerOverrides":{"command":["environment":[{"name":"value":"},{"name":"s3://"}]},` +
	`"jobDefinition":"arn:aws:batch:us-east-1:job-definition/"jobName":"","jobQueue":"arn:aws:batch:us-east-1:job-queue/","tags":{"},"d":"`

var squeezers = sync.Pool{New: func() any {
	w, err := flate.NewWriterDict(nil, flate.BestCompression, []byte(words))
	if err != nil {
		panic("dynamo: " + err.Error()) // only of a level that there is not
	}
	return w
}}

// squeeze makes an item's data smaller if that saves a unit.
func squeeze(a attributes) {
	data, ok := a[attrData].(*types.AttributeValueMemberB)
	if !ok {
		return
	}
	before := sizeOf(a)
	if before <= unit {
		return
	}
	var small bytes.Buffer
	w := squeezers.Get().(*flate.Writer)
	defer squeezers.Put(w)
	w.Reset(&small)
	if _, err := w.Write(data.Value); err != nil || w.Close() != nil {
		return // a buffer takes everything
	}
	after := before - len(data.Value) + small.Len()
	if (after+unit-1)/unit < (before+unit-1)/unit {
		delete(a, attrData)
		a[attrSqueezed] = bin(small.Bytes())
	}
}

// loosen is the inverse of squeeze.
func loosen(squeezed []byte) ([]byte, error) {
	r := flate.NewReaderDict(bytes.NewReader(squeezed), []byte(words))
	data, err := io.ReadAll(io.LimitReader(r, store.MaxItemBytes+1))
	if err == nil && len(data) > store.MaxItemBytes {
		err = fmt.Errorf("more than %d bytes", store.MaxItemBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("attribute %q cannot be loosened: %w", attrSqueezed, err)
	}
	return data, nil
}

// sizeOf is the size of an item as DynamoDB counts it: the bytes of names and values
// (developer guide, "DynamoDB item sizes and formats"). Numbers count about half their
// digits; here they count whole, which is on the safe side.
func sizeOf(a attributes) int {
	n := 0
	for name, value := range a {
		n += len(name)
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			n += len(v.Value)
		case *types.AttributeValueMemberB:
			n += len(v.Value)
		case *types.AttributeValueMemberN:
			n += len(v.Value)
		}
	}
	return n
}
