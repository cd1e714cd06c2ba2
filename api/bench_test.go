package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/packhorse-batch/packhorse/api"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

const submitBody = `{"jobName":"align-0001","jobQueue":"default","jobDefinition":"align:3","containerOverrides":{"command":["align","--sample","0001"],"environment":[{"name":"SAMPLE","value":"0001"}],"resourceRequirements":[{"type":"VCPU","value":"2"},{"type":"MEMORY","value":"4096"}]},"tags":{"project":"genome"}}`

// BenchmarkHandler is what the door itself costs, with a service that does nothing.
func BenchmarkHandler(b *testing.B) {
	jobs := make([]types.JobDetail, 100)
	for i := range jobs {
		jobs[i] = types.JobDetail{JobId: new("0190a0b0-0000-7000-8000-000000000001"), JobName: new("align-0001"), JobQueue: new("default"),
			Status: types.JobStatusRunning, CreatedAt: new(int64(1767225600123)), StartedAt: new(int64(1767225601123)),
			Container: &types.ContainerDetail{Command: []string{"align", "--sample", "0001"}, Image: new("align:3"), Environment: []types.KeyValuePair{{Name: new("SAMPLE"), Value: new("0001")}}}}
	}
	tests := []struct {
		name, path, body string
		output           any
		keys             map[string]string
	}{
		{"SubmitJob", "/v1/submitjob", submitBody, &awsbatch.SubmitJobOutput{JobId: new("j"), JobName: new("n"), JobArn: new("a")}, nil},
		{"SubmitJob-verified", "/v1/submitjob", submitBody, &awsbatch.SubmitJobOutput{JobId: new("j"), JobName: new("n"), JobArn: new("a")}, keys},
		{"DescribeJobs-1", "/v1/describejobs", `{"jobs":["j"]}`, &awsbatch.DescribeJobsOutput{Jobs: jobs[:1]}, nil},
		{"DescribeJobs-100", "/v1/describejobs", `{"jobs":["j"]}`, &awsbatch.DescribeJobsOutput{Jobs: jobs}, nil},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			handler := api.New(api.Config{Service: &fakeService{output: test.output}, Account: account, Keys: test.keys,
				Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
			r := httptest.NewRequest("POST", "http://127.0.0.1:8080"+test.path, nil)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Amz-Sdk-Invocation-Id", "6e7e6f5e-0000-4000-8000-000000000001")
			sum := sha256.Sum256([]byte(test.body))
			r.ContentLength = int64(len(test.body))
			credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
			if err := v4.NewSigner().SignHTTP(b.Context(), credentials, r, hex.EncodeToString(sum[:]), "batch", "eu-west-1", now); err != nil {
				b.Fatal(err)
			}
			body := bytes.NewReader([]byte(test.body))
			r.Body = io.NopCloser(body)
			w := &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				body.Seek(0, io.SeekStart)
				handler.ServeHTTP(w, r)
			}
			if w.header.Get("X-Amzn-Errortype") != "" {
				b.Fatalf("answered with %v", w.header)
			}
		})
	}
}

// BenchmarkServer is SubmitJob over loopback with plain HTTP clients in the same
// process, two for each core.
func BenchmarkServer(b *testing.B) {
	server := httptest.NewUnstartedServer(nil)
	server.Config = api.Server(api.New(api.Config{Service: &fakeService{output: &awsbatch.SubmitJobOutput{JobId: new("j")}}, Account: account}))
	server.Start()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.SetParallelism(2)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			answer, err := client.Post(server.URL+"/v1/submitjob", "application/json", bytes.NewReader([]byte(submitBody)))
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	})
}
