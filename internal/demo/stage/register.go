package stage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/packhorse-batch/packhorse/internal/wire"
)

// Definitions is where job definitions are kept, as a server has it.
type Definitions interface {
	DescribeJobDefinitions(context.Context, *batch.DescribeJobDefinitionsInput) (*batch.DescribeJobDefinitionsOutput, error)
	RegisterJobDefinition(context.Context, *batch.RegisterJobDefinitionInput) (*batch.RegisterJobDefinitionOutput, error)
}

// contentTag is the tag that says what a definition was made from. Servers add defaults
// to what they show, so the tag is compared instead.
const contentTag = "packhorse-demo-content"

// register registers the definitions whose newest active revision is another, and
// returns how many those were.
func register(ctx context.Context, known Definitions, wanted []*batch.RegisterJobDefinitionInput) (registered int, err error) {
	for _, d := range wanted {
		text, err := wire.Marshal(d)
		if err != nil {
			return registered, err
		}
		sum := sha256.Sum256(text)
		content := hex.EncodeToString(sum[:])
		active := "ACTIVE"
		one := int32(1) // the newest comes first
		there, err := known.DescribeJobDefinitions(ctx, &batch.DescribeJobDefinitionsInput{
			JobDefinitionName: d.JobDefinitionName, Status: &active, MaxResults: &one,
		})
		if err != nil {
			return registered, fmt.Errorf("look for job definition %s: %w", *d.JobDefinitionName, err)
		}
		if len(there.JobDefinitions) > 0 && there.JobDefinitions[0].Tags[contentTag] == content {
			continue
		}
		d.Tags = map[string]string{contentTag: content}
		if _, err := known.RegisterJobDefinition(ctx, d); err != nil {
			return registered, fmt.Errorf("register job definition %s: %w", *d.JobDefinitionName, err)
		}
		registered++
	}
	return registered, nil
}
