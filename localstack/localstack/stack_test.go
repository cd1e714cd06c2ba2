package localstack

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// ways is all that can stand between a bucket and a queue: nothing, a topic, the event
// bus.
const ways = `
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Bucket: {Type: String}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Ref Bucket}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: "*", Action: "sqs:SendMessage", Resource: !GetAtt Queue.Arn}
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !Ref Bucket
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [aws.s3]
        detail-type: [Object Created]
        detail: {bucket: {name: [!Ref Bucket]}}
      Targets: [{Id: queue, Arn: !GetAtt Queue.Arn}]
Outputs:
  QueueURL: {Value: !Ref Queue}
  QueueARN: {Value: !GetAtt Queue.Arn}
  TopicARN: {Value: !Ref Topic}
`

// stacked makes a stack for a bucket and returns its outputs.
func stacked(t *testing.T, config aws.Config, bucket, template string) map[string]string {
	t.Helper()
	client := cloudformation.NewFromConfig(config)
	_, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &bucket, TemplateBody: &template,
		Parameters: []types.Parameter{{ParameterKey: aws.String("Bucket"), ParameterValue: &bucket}},
	})
	must(t, err)
	outputs := map[string]string{}
	until(t, "the stack", func(ctx context.Context) bool {
		out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &bucket})
		must(t, err)
		switch stack := out.Stacks[0]; stack.StackStatus {
		case types.StackStatusCreateInProgress:
			return false
		case types.StackStatusCreateComplete:
			for _, o := range stack.Outputs {
				outputs[*o.OutputKey] = *o.OutputValue
			}
		default:
			t.Fatalf("the stack is %s: %s", stack.StackStatus, aws.ToString(stack.StackStatusReason))
		}
		return true
	})
	return outputs
}
