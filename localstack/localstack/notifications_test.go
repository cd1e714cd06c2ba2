package localstack

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/account"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/provisioner/catalog"
	"github.com/packhorse-batch/packhorse/store"
	"github.com/packhorse-batch/packhorse/store/mem"
)

// Each way by which S3 tells of an object ends in a queue, whose messages are brought to
// POST /events/s3 as they are.
func TestNotificationsOfABucketSubmitJobs(t *testing.T) {
	created := []s3types.Event{s3types.EventS3ObjectCreated}
	ways := map[string]func(shop) *s3types.NotificationConfiguration{
		"SQS": func(s shop) *s3types.NotificationConfiguration {
			return &s3types.NotificationConfiguration{QueueConfigurations: []s3types.QueueConfiguration{{QueueArn: &s.queueARN, Events: created}}}
		},
		"SNS": func(s shop) *s3types.NotificationConfiguration {
			return &s3types.NotificationConfiguration{TopicConfigurations: []s3types.TopicConfiguration{{TopicArn: &s.topicARN, Events: created}}}
		},
		"EventBridge": func(shop) *s3types.NotificationConfiguration {
			return &s3types.NotificationConfiguration{EventBridgeConfiguration: &s3types.EventBridgeConfiguration{}}
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, strings.ToLower(name))
			_, err := s.s3.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
				Bucket: &s.bucket, NotificationConfiguration: way(s),
			})
			must(t, err)
			key := "in/ä b+c%d.csv" // each character that S3 encodes in its own way
			if name == "EventBridge" {
				key = "in/a.csv" // there S3 encodes nothing, but LocalStack does
			}
			for _, k := range []string{key, "out/x.csv", "in/x.txt"} {
				_, err := s.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &s.bucket, Key: &k, Body: strings.NewReader("hello")})
				must(t, err)
			}
			want := "s3://" + s.bucket + "/" + key
			var objects, messages []string
			unmatched := 0
			until(t, "three objects to be told", func(ctx context.Context) bool {
				for _, body := range s.received(ctx) {
					report := s.tell(body)
					messages = append(messages, body)
					unmatched += report.Unmatched
					for _, j := range report.Jobs {
						objects = append(objects, j.Object)
					}
				}
				return len(objects)+unmatched >= 3
			})
			if !slices.Equal(objects, []string{want}) || unmatched != 2 {
				t.Errorf("jobs for %q and %d other objects, want one for %s and 2 others; told:\n%s", objects, unmatched, want, strings.Join(messages, "\n"))
			}
			// A message may come twice.
			for _, body := range messages {
				for _, j := range s.tell(body).Jobs {
					if !j.Repeated {
						t.Errorf("brought again, %s made another job", j.Object)
					}
				}
			}
		})
	}
}

// shop is a bucket at LocalStack, and a door with a trigger for it.
type shop struct {
	*testing.T
	bucket string
	s3     *s3.Client
	sqs    *sqs.Client
	door   string

	queueURL, queueARN, topicARN string // of the stack
}

func newShop(t *testing.T, name string) shop {
	t.Helper()
	config := config(t)
	s := shop{
		T: t, bucket: "incoming-" + name, sqs: sqs.NewFromConfig(config),
		s3: s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
	}
	_, err := s.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &s.bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	})
	must(t, err)
	s.door = door(t, s.bucket)
	outputs := stacked(t, config, s.bucket, ways)
	s.queueURL, s.queueARN, s.topicARN = outputs["QueueURL"], outputs["QueueARN"], outputs["TopicARN"]
	return s
}

// door serves a home in memory, whose jobs wait for ever, with a trigger for in/*.csv of
// a bucket.
func door(t *testing.T, bucket string) (url string) {
	t.Helper()
	whose := batch.Account{ID: "000000000000", Region: region}
	h := home.New(home.Parts{
		Table: mem.Open(), Compute: account.Elsewhere{}, Account: whose, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	must(t, h.Records.Write(t.Context(), append(
		h.Records.PutNewDefinition(store.Definition{Detail: batchtypes.JobDefinition{
			JobDefinitionName: aws.String("d"), Revision: aws.Int32(1), Status: aws.String(store.Active), Type: aws.String("container"),
			ContainerProperties: &batchtypes.ContainerProperties{Image: aws.String("busybox"), ResourceRequirements: []batchtypes.ResourceRequirement{
				{Type: batchtypes.ResourceTypeVcpu, Value: aws.String("1")}, {Type: batchtypes.ResourceTypeMemory, Value: aws.String("512")},
			}},
		}}, 0),
		h.Records.PutQueue(store.Queue{Detail: batchtypes.JobQueueDetail{JobQueueName: aws.String("q"), State: batchtypes.JQStateEnabled}}),
	)...))
	_, err := h.Triggers.CreateTrigger(t.Context(), &batch.Trigger{Name: "ingest", Bucket: bucket, Prefix: "in/", Suffix: ".csv", JobQueue: "q", JobDefinition: "d"})
	must(t, err)
	server := httptest.NewServer(api.New(api.Config{Service: h, Triggers: h.Triggers, Types: catalog.Default(), Account: whose, Explain: home.Explain}))
	t.Cleanup(server.Close)
	return server.URL
}

// tell brings a message to the door.
func (s shop) tell(body string) batch.TriggerReport {
	s.Helper()
	answer, err := http.Post(s.door+"/events/s3", "application/json", strings.NewReader(body))
	must(s.T, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(s.T, err)
	var report batch.TriggerReport
	if answer.StatusCode != http.StatusOK || json.Unmarshal(text, &report) != nil || len(report.DeadLetters) > 0 {
		s.Fatalf("the message\n%s\nis answered with %s: %s", body, answer.Status, text)
	}
	return report
}

// received takes what is in a queue.
func (s shop) received(ctx context.Context) []string {
	s.Helper()
	out, err := s.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &s.queueURL, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
	must(s.T, err)
	var bodies []string
	for _, m := range out.Messages {
		bodies = append(bodies, *m.Body)
		_, err := s.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &s.queueURL, ReceiptHandle: m.ReceiptHandle})
		must(s.T, err)
	}
	return bodies
}
