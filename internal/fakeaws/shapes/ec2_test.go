package shapes_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packhorse-batch/packhorse/internal/fakeaws/shapes"
)

// operations are those whose shapes the tables of names are for.
var operations = []string{
	"CreateFleet", "CreateLaunchTemplate", "CreateLaunchTemplateVersion", "DescribeLaunchTemplates", "DescribeLaunchTemplateVersions",
	"DeleteLaunchTemplate", "DescribeInstances", "TerminateInstances", "CreateTags", "DeleteTags", "DescribeSubnets", "DescribeVpcs",
	"DescribeSecurityGroups", "DescribeInstanceTypes", "DescribeSpotPriceHistory", "DescribeAvailabilityZones",
}

// TestEveryMember sends a request with every member set through the SDK's client, and
// an answer with every member set back: both arrive as they were.
func TestEveryMember(t *testing.T) {
	for _, operation := range operations {
		t.Run(operation, func(t *testing.T) {
			got, answer := reflect.Value{}, reflect.Value{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				form, err := url.ParseQuery(string(body))
				if err == nil {
					err = shapes.Form(form, got.Interface())
				}
				var b bytes.Buffer
				fmt.Fprintf(&b, "<%sResponse><requestId>r</requestId>", operation)
				if err == nil {
					err = shapes.XML(&b, answer.Interface())
				}
				fmt.Fprintf(&b, "</%sResponse>", operation)
				if err != nil {
					t.Error(err)
				}
				w.Write(b.Bytes())
			}))
			defer server.Close()
			client := ec2.New(ec2.Options{BaseEndpoint: &server.URL, Region: "us-east-1", RetryMaxAttempts: 1, HTTPClient: &http.Client{Transport: patient{}},
				Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})
			method := reflect.ValueOf(client).MethodByName(operation)
			in := reflect.New(method.Type().In(1).Elem())
			got, answer = reflect.New(in.Type().Elem()), reflect.New(method.Type().Out(0).Elem())
			f := filler{}
			f.fill(in.Elem(), 0)
			f.fill(answer.Elem(), 0)

			results := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
			if err := results[1].Interface(); err != nil {
				t.Fatal(err)
			}
			options := []cmp.Option{ignoreMetadata, cmpopts.IgnoreUnexported(), cmp.Exporter(func(reflect.Type) bool { return true })}
			if diff := cmp.Diff(in.Interface(), got.Interface(), options...); diff != "" {
				t.Errorf("request, -sent +read:\n%s", diff)
			}
			if diff := cmp.Diff(answer.Interface(), results[0].Interface(), options...); diff != "" {
				t.Errorf("answer, -written +received:\n%s", diff)
			}
		})
	}
}

// patient sends bodies that cannot be written in one go. The SDK closes a body when the
// answer begins, and its WriteTo then fails with io.EOF, for which net/http closes the
// connection: now and then, when more than 4 KiB are sent to a server as near as this.
type patient struct{}

func (patient) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Body = struct{ io.ReadCloser }{r.Body}
	return http.DefaultTransport.RoundTrip(r)
}

var ignoreMetadata = cmp.FilterPath(func(p cmp.Path) bool { return strings.HasSuffix(p.String(), "ResultMetadata") }, cmp.Ignore())

// filler sets every member to something different.
type filler struct{ n int }

func (f *filler) fill(v reflect.Value, depth int) {
	const deepest = 20
	if depth > deepest {
		panic(fmt.Sprintf("%s contains itself", v.Type()))
	}
	f.n++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth+1)
	case reflect.Slice:
		for range 2 {
			one := reflect.New(v.Type().Elem()).Elem()
			f.fill(one, depth+1)
			v.Set(reflect.Append(v, one))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1_700_000_000+int64(f.n), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Name != "ResultMetadata" {
				f.fill(v.Field(i), depth+1)
			}
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("<text & %d>", f.n))
	case reflect.Bool:
		v.SetBool(f.n%2 == 0)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Float64:
		v.SetFloat(float64(f.n) + 0.5)
	default:
		panic("no value for a " + v.Type().String())
	}
}

func TestFormNamesTheParameter(t *testing.T) {
	var in ec2.DescribeInstancesInput
	err := shapes.Form(url.Values{"MaxResults": {"many"}}, &in)
	if err == nil || !strings.Contains(err.Error(), "MaxResults") {
		t.Errorf("Form() = %v, want an error that names MaxResults", err)
	}
	if err := shapes.Form(url.Values{"Unknown.1": {"x"}, "InstanceId.1": {"i-1"}}, &in); err != nil || !cmp.Equal(in.InstanceIds, []string{"i-1"}) {
		t.Errorf("Form() = %v, %v; want [i-1]", in.InstanceIds, err)
	}
}
