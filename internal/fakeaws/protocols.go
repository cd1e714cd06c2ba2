package fakeaws

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/packhorse-batch/packhorse/internal/fakeaws/shapes"
	"github.com/packhorse-batch/packhorse/internal/wire"
)

// json11 is AWS JSON 1.1: the operation in a header, JSON both ways.
type json11 struct {
	name func(v any) ([]byte, error) // writes an answer with the service's names
}

var (
	lowerNames = shapes.LowerJSON
	plainNames = shapes.PlainJSON
)

const contentJSON11 = "application/x-amz-json-1.1"

func (json11) operation(r *http.Request, _ []byte) string {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return operation
}

// read takes members in any case, so that it does for SSM's names too.
func (json11) read(body []byte, in any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	return wire.Unmarshal(body, in)
}

func (p json11) write(w http.ResponseWriter, _ string, out any) error {
	text, err := p.name(out)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentJSON11)
	_, _ = w.Write(text) // whoever asked may have gone
	return nil
}

func (p json11) refuse(w http.ResponseWriter, status int, code string, err error) {
	answer := map[string]any{"__type": code, "message": messageOf(err)}
	var conflict *types.ConflictException
	if errors.As(err, &conflict) {
		answer["resourceIds"] = conflict.ResourceIds
	}
	text, err := json.Marshal(answer)
	if err != nil {
		panic("fakeaws: an error has no form in JSON: " + err.Error()) // strings
	}
	w.Header().Set("Content-Type", contentJSON11)
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked may have gone
}

// queryEC2 is EC2's protocol: a form with an Action, answered in XML.
type queryEC2 struct{ c *Cloud }

const ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"

func (queryEC2) operation(_ *http.Request, body []byte) string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("Action")
}

func (queryEC2) read(body []byte, in any) error {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return err
	}
	return shapes.Form(form, in)
}

func (queryEC2) write(w http.ResponseWriter, operation string, out any) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, `%s<%sResponse xmlns="%s"><requestId>%s</requestId>`, xml.Header, operation, ec2Namespace, w.Header().Get("X-Amzn-Requestid"))
	if err := shapes.XML(&b, out); err != nil {
		return err
	}
	fmt.Fprintf(&b, "</%sResponse>", operation)
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	_, _ = w.Write(b.Bytes()) // whoever asked may have gone
	return nil
}

func (queryEC2) refuse(w http.ResponseWriter, status int, code string, err error) {
	type problem struct{ Code, Message string }
	text, err := xml.Marshal(struct {
		XMLName   xml.Name  `xml:"Response"`
		Errors    []problem `xml:"Errors>Error"`
		RequestID string
	}{Errors: []problem{{code, messageOf(err)}}, RequestID: w.Header().Get("X-Amzn-Requestid")})
	if err != nil {
		panic("fakeaws: an error has no form in XML: " + err.Error()) // strings
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked may have gone
}

// messageOf is the text of an error of AWS without its code.
func messageOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return err.Error()
}
