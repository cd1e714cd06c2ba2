// Package triggers submits a job for each object that appears in a bucket.
//
// A trigger is a rule: bucket, prefix, suffix and kinds of event on one side; queue,
// definition, parameters, environment and command on the other, with {key} and the
// like in them. [Triggers.Handle] takes the messages in which S3, and what imitates it,
// tells of events:
//
//	S3 notification           {"Records":[{"eventSource":"aws:s3",...}]}, MinIO's alike
//	s3:TestEvent              taken and ignored
//	EventBridge               {"detail-type":"Object Created","source":"aws.s3",...}
//	any of them through SQS   {"Records":[{"eventSource":"aws:sqs","body":"..."}]}
//	any of them through SNS   {"Records":[{"EventSource":"aws:sns","Sns":{...}}]}, {"Type":"Notification",...}
//	several of them           [..., ...]
//
// S3 delivers at least once, and so do queues. A trigger makes one job for each version
// of an object, however often and late it is told within [Remembered]: the submission
// carries an invocation id made of trigger, bucket, key and version, and the record of
// that id is written with the job or not at all (see control/jobs). Where a bucket has
// no versions, sequencer and ETag tell them apart.
//
// What cannot be submitted, since the queue is disabled or the definition gone, is not
// worth delivering again: it becomes one dead letter for each object version, the
// trigger shows its latest failure, and [Triggers.Retry] tries it again when the cause
// is mended. When the store itself fails, Handle returns the error and the sender has
// to deliver the whole message again; what was done already is recognised then.
package triggers
