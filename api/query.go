package api

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// query is the protocol of EC2 and STS: POST / with a form that names the Action,
// answered in XML. A presigned call has the form in the query of a GET.
type query struct{ *handler }

// The versions of the two services' APIs, which all SDKs send.
const (
	ec2Version = "2016-11-15"
	stsVersion = "2011-06-15"
)

// form is the parameters of a call: lists are Name.1, Name.2.
type form struct{ url.Values }

// list returns the values of a list, at most so many.
func (f form) list(name string) []string {
	const most = 1000
	var values []string
	for i := 1; i <= most; i++ {
		value, ok := f.Values[name+"."+strconv.Itoa(i)]
		if !ok {
			break
		}
		values = append(values, value[0])
	}
	return values
}

func (h query) serve(c *call) error {
	values := c.r.URL.Query()
	if c.r.Method == http.MethodPost {
		var err error
		if values, err = url.ParseQuery(string(c.body)); err != nil {
			return &failure{status: http.StatusBadRequest, code: "MalformedQueryString", message: "the form in the request body cannot be read: " + err.Error()}
		}
	}
	action := values.Get("Action")
	switch c.service + " " + action {
	case "sts GetCallerIdentity":
		return h.getCallerIdentity(c)
	case "ec2 DescribeInstances":
		return h.describeInstances(c, form{values})
	case "ec2 DescribeInstanceTypes":
		return h.describeInstanceTypes(c, form{values})
	}
	if action == "" {
		return &failure{status: http.StatusBadRequest, code: "MissingAction", message: "the form has no Action"}
	}
	here := "STS Packhorse has GetCallerIdentity"
	if c.service == "ec2" {
		here = "EC2 Packhorse has DescribeInstances, DescribeInstanceTypes"
	}
	return &failure{status: http.StatusBadRequest, code: "InvalidAction",
		message: "The action " + clip(action) + " is not valid for this web service: of " + here}
}

// queryCodes are the names that the older protocols have for what the JSON ones
// call an ...Exception.
var queryCodes = map[string]map[string]string{
	"sts": {
		"InvalidSignatureException":           "SignatureDoesNotMatch",
		"UnrecognizedClientException":         "InvalidClientTokenId",
		"MissingAuthenticationTokenException": "MissingAuthenticationToken",
		"IncompleteSignatureException":        "IncompleteSignature",
		"AccessDeniedException":               "AccessDenied",
		codeServer:                            "InternalFailure",
	},
	"ec2": {
		"InvalidSignatureException":           "SignatureDoesNotMatch",
		"UnrecognizedClientException":         "AuthFailure",
		"MissingAuthenticationTokenException": "MissingAuthenticationToken",
		"IncompleteSignatureException":        "IncompleteSignature",
		"AccessDeniedException":               "UnauthorizedOperation",
		codeServer:                            "InternalError",
		"InvalidParameterException":           "InvalidParameterValue",
	},
}

type queryError struct {
	Type    string `xml:",omitempty"` // Sender or Receiver; EC2 has none
	Code    string
	Message string
}

type ec2ErrorResponse struct {
	XMLName   xml.Name     `xml:"Response"`
	Errors    []queryError `xml:"Errors>Error"`
	RequestID string
}

type queryErrorResponse struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Namespace string   `xml:"xmlns,attr,omitempty"`
	Error     queryError
	RequestID string `xml:"RequestId"`
}

type s3Error struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
}

func (h query) refuse(c *call, f *failure) {
	e := queryError{Code: f.code, Message: f.message}
	if own, ok := queryCodes[c.service][f.code]; ok {
		e.Code = own
	}
	if c.service == "ec2" {
		c.xml(f.status, ec2ErrorResponse{Errors: []queryError{e}, RequestID: c.id})
		return
	}
	if e.Type = "Sender"; f.status >= http.StatusInternalServerError {
		e.Type = "Receiver"
	}
	out := queryErrorResponse{Error: e, RequestID: c.id}
	if c.service == "sts" {
		out.Namespace = stsNamespace
	}
	c.xml(f.status, out)
}

// xml answers with v, a struct of strings and numbers, which XML always has a form
// for.
func (c *call) xml(status int, v any) {
	text, err := xml.Marshal(v)
	if err != nil {
		panic("api: an answer has no form in XML: " + err.Error())
	}
	c.write(status, contentXML, append([]byte(xml.Header), text...))
}

const stsNamespace = "https://sts.amazonaws.com/doc/" + stsVersion + "/"

type getCallerIdentityResponse struct {
	XMLName   xml.Name `xml:"GetCallerIdentityResponse"`
	Namespace string   `xml:"xmlns,attr"`
	ARN       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

// getCallerIdentity answers with the access key as the user: Packhorse has no other
// names for callers.
func (h query) getCallerIdentity(c *call) error {
	user := c.access
	if user == "" {
		user = "anonymous"
	}
	c.xml(http.StatusOK, getCallerIdentityResponse{Namespace: stsNamespace, Account: h.Account.ID, UserID: user,
		ARN: "arn:aws:iam::" + h.Account.ID + ":user/" + strings.ReplaceAll(user, "/", "_"), RequestID: c.id})
	return nil
}
