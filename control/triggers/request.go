package triggers

import (
	"strings"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/batch"
)

// The tags that each job of a trigger has besides those of the rule.
const (
	tagTrigger = "packhorse:trigger" // the rule's name
	tagObject  = "packhorse:object"  // "s3://bucket/key", its end where it is long
)

// maxTagValue and maxJobName are limits of AWS Batch, in characters.
const (
	maxTagValue = 256
	maxJobName  = 128
)

// request makes the submission of an event.
func request(rule batch.Trigger, e batch.S3Event) (*awsbatch.SubmitJobInput, error) {
	in := &awsbatch.SubmitJobInput{
		JobName: new(jobName(rule.Name, e.Key)), JobQueue: &rule.JobQueue, JobDefinition: &rule.JobDefinition,
		Tags: map[string]string{tagTrigger: rule.Name, tagObject: tail(e.URI(), maxTagValue)},
	}
	if rule.ShareIdentifier != "" {
		in.ShareIdentifier = &rule.ShareIdentifier
	}
	for name, value := range rule.Tags {
		in.Tags[name] = value
	}
	for name, template := range rule.Parameters {
		value, err := within("parameters."+name, template, e)
		if err != nil {
			return nil, err
		}
		if in.Parameters == nil {
			in.Parameters = map[string]string{}
		}
		in.Parameters[name] = value
	}
	if len(rule.Environment) == 0 && len(rule.Command) == 0 {
		return in, nil
	}
	in.ContainerOverrides = &types.ContainerOverrides{}
	for _, v := range rule.Environment {
		value, err := within("environment."+deref(v.Name), deref(v.Value), e)
		if err != nil {
			return nil, err
		}
		in.ContainerOverrides.Environment = append(in.ContainerOverrides.Environment, types.KeyValuePair{Name: v.Name, Value: &value})
	}
	for _, template := range rule.Command {
		word, err := within("command", template, e)
		if err != nil {
			return nil, err
		}
		in.ContainerOverrides.Command = append(in.ContainerOverrides.Command, word)
	}
	return in, nil
}

// within is substitute, with the field named in the error.
func within(field, template string, e batch.S3Event) (string, error) {
	value, err := substitute(template, e)
	if err != nil {
		return "", inField(field, err)
	}
	return value, nil
}

// jobName joins a rule's name and a key to what AWS Batch takes as a job's name:
// letters, digits, hyphens and underscores. Of a key that is too long the end is kept,
// which tells more.
func jobName(rule, key string) string {
	var b strings.Builder
	gap := false
	for _, r := range key {
		plain := r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if plain {
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(r)
		}
		gap = !plain
	}
	words := b.String()
	if words == "" {
		return rule
	}
	return rule + "-" + strings.TrimLeft(tail(words, maxJobName-len(rule)-1), "-")
}

// tail returns the last characters of s, at most n.
func tail(s string, n int) string {
	runes := []rune(s)
	return string(runes[max(0, len(runes)-n):])
}
