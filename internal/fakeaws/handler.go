package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/google/uuid"
)

// maxRequest bounds a request in bytes; the largest real one is a task definition.
const maxRequest = 1 << 20

// Handler serves EC2, ECS, SSM, CloudWatch Logs and STS's GetCallerIdentity on the wire,
// for whoever has AWS_ENDPOINT_URL point to it. Signatures are not verified. With
// Faults, mind that SDKs try again by themselves: AWS_MAX_ATTEMPTS=1 shows every error.
func (c *Cloud) Handler() http.Handler {
	services := map[string]service{
		"ec2":  {speaks: queryEC2{c}, methods: reflect.ValueOf(c.EC2())},
		"ecs":  {speaks: json11{name: lowerNames}, methods: reflect.ValueOf(c.ECS())},
		"ssm":  {speaks: json11{name: plainNames}, methods: reflect.ValueOf(c.SSM())},
		"logs": {speaks: json11{name: lowerNames}, methods: reflect.ValueOf(c.Logs())},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Requestid", uuid.NewString())
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			http.Error(w, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
			return
		}
		name := ServiceOf(r)
		if name == "sts" {
			c.callerIdentity(w, body)
			return
		}
		s, ok := services[name]
		if !ok {
			http.Error(w, fmt.Sprintf("this cloud has ec2, ecs, ssm, logs and sts, not %q; set AWS_ENDPOINT_URL_%s for it", name, strings.ToUpper(name)), http.StatusNotImplemented)
			return
		}
		s.serve(w, r, body)
	})
}

// ServiceOf tells which service a request is for, by the scope that its signature
// names, or the target of an unsigned one: "ec2", "ecs", "dynamodb". Empty if it says
// neither. A front for several backends sends requests on by it.
func ServiceOf(r *http.Request) string {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, rest, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		credential, _, _ = strings.Cut(rest, ",")
	}
	if parts := strings.Split(credential, "/"); len(parts) >= 5 { // key/date/region/service/aws4_request
		return parts[len(parts)-2]
	}
	target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case strings.HasPrefix(target, "AmazonEC2ContainerService"):
		return "ecs"
	case target == "AmazonSSM":
		return "ssm"
	case strings.HasPrefix(target, "Logs_"):
		return "logs"
	}
	return ""
}

// protocol is how a service speaks.
type protocol interface {
	// operation finds the name of the operation that is called.
	operation(r *http.Request, body []byte) string
	read(body []byte, in any) error
	write(w http.ResponseWriter, operation string, out any) error
	refuse(w http.ResponseWriter, status int, code string, err error)
}

// service is a protocol and the value whose methods are the operations.
type service struct {
	speaks  protocol
	methods reflect.Value
}

func (s service) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	operation := s.speaks.operation(r, body)
	method := s.methods.MethodByName(operation)
	if operation == "" || !method.IsValid() {
		s.speaks.refuse(w, http.StatusBadRequest, "InvalidAction", fmt.Errorf("the action %q is not valid for this web service", operation))
		return
	}
	in := reflect.New(method.Type().In(1).Elem())
	if err := s.speaks.read(body, in.Interface()); err != nil {
		s.speaks.refuse(w, http.StatusBadRequest, "SerializationException", err)
		return
	}
	out, err := invoke(r.Context(), method, in)
	if err == nil {
		err = s.speaks.write(w, operation, out)
	}
	if err == nil {
		return
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		s.speaks.refuse(w, statusOf(err), api.ErrorCode(), api)
		return
	}
	s.speaks.refuse(w, http.StatusInternalServerError, "InternalFailure", err)
}

func invoke(ctx context.Context, method, in reflect.Value) (any, error) {
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	if err, _ := results[1].Interface().(error); err != nil {
		return nil, err
	}
	return results[0].Interface(), nil
}

func (c *Cloud) callerIdentity(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "text/xml")
	if form, err := url.ParseQuery(string(body)); err != nil || form.Get("Action") != "GetCallerIdentity" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>this STS has GetCallerIdentity</Message></Error></ErrorResponse>`)
		return
	}
	_, _ = fmt.Fprintf(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::%s:user/fake</Arn><UserId>AIDAFAKE</UserId><Account>%s</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
		c.o.Account, c.o.Account, uuid.NewString())
}
