// Package sdktest points AWS SDK clients at a server of a test.
package sdktest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config is the config of a client that signs with the given credentials and tries
// once. Its region is not the server's: that must not matter.
func Config(server *httptest.Server, accessKey, secretKey string) aws.Config {
	return aws.Config{
		Region:       "us-east-2",
		BaseEndpoint: &server.URL,
		HTTPClient:   &http.Client{Transport: wholeBody{server.Client().Transport}},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}, nil
		}),
	}
}

// wholeBody hands the request's body to net/http as bytes.
//
// The SDK hands it over as a stream, and closes that when the response begins. A
// server on the same machine answers so fast that net/http may still look for the
// stream's end then; it takes the closing for an error, closes the connection, and a
// response longer than its buffer of 4 KiB ends with "use of closed network
// connection" (aws-sdk-go-v2 issue 2737). The SDK's usual retryer tries again; a
// test that counts requests cannot.
type wholeBody struct{ next http.RoundTripper }

func (t wholeBody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return t.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return t.next.RoundTrip(r)
}
