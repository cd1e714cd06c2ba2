package sigv4

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	terminal  = "aws4_request"
	// timeLayout is the form of X-Amz-Date.
	timeLayout = "20060102T150405Z"
	dateLayout = "20060102"
)

// signature is what a request says of how it was signed.
type signature struct {
	access          string // access key id
	date            string // YYYYMMDD
	region, service string
	headers         []string // names of the signed headers, lower-case
	value           string   // in hexadecimal
	presigned       bool
	expires         time.Duration // of a presigned request
}

// Scope returns who signed a request and for what, without verifying anything: ok
// is false when it is not signed, or in no form that can be read.
func Scope(r *http.Request) (accessKey, region, service string, ok bool) {
	var credential string
	if header, found := authorization(r); found {
		credential, _ = parameter(header, "Credential")
	} else if query, found := presigned(r); found {
		credential = query.Get("X-Amz-Credential")
	} else {
		return "", "", "", false
	}
	var s signature
	if !s.scope(credential) {
		return "", "", "", false
	}
	return s.access, s.region, s.service, true
}

// authorization returns the Authorization header behind its algorithm.
func authorization(r *http.Request) (string, bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), algorithm)
}

func presigned(r *http.Request) (url.Values, bool) {
	if !strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") {
		return nil, false
	}
	query := r.URL.Query()
	return query, query.Get("X-Amz-Algorithm") == algorithm
}

// parameter finds name=value in the comma-separated list of the header.
func parameter(header, name string) (string, bool) {
	for part := range strings.SplitSeq(header, ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(part), name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// scope reads <access key>/<date>/<region>/<service>/aws4_request.
func (s *signature) scope(credential string) bool {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[4] != terminal {
		return false
	}
	s.access, s.date, s.region, s.service = parts[0], parts[1], parts[2], parts[3]
	return s.access != "" && s.date != "" && s.service != ""
}

// parse reads how a request was signed.
func parse(r *http.Request) (signature, error) {
	if header, ok := authorization(r); ok {
		return parseHeader(header)
	}
	if query, ok := presigned(r); ok {
		return parseQuery(query)
	}
	if r.Header.Get("Authorization") != "" {
		return signature{}, incomplete("the Authorization header is not of the form '%s Credential=..., SignedHeaders=..., Signature=...'; use an AWS SDK or the AWS CLI, or curl --aws-sigv4", algorithm)
	}
	return signature{}, &Error{Code: MissingAuthenticationToken,
		Message: "Missing Authentication Token: this server takes signed requests only; use an AWS SDK or the AWS CLI with one of its access keys"}
}

func parseHeader(header string) (signature, error) {
	var s signature
	var missing []string
	read := func(name string) string {
		value, ok := parameter(header, name)
		if !ok || value == "" {
			missing = append(missing, "Authorization header requires '"+name+"' parameter.")
		}
		return value
	}
	credential, signed := read("Credential"), read("SignedHeaders")
	s.value = read("Signature")
	if len(missing) > 0 {
		return s, incomplete("%s", strings.Join(missing, " "))
	}
	if !s.scope(credential) {
		return s, badCredential(credential)
	}
	s.headers = strings.Split(signed, ";")
	return s, nil
}

// The life of a presigned request: a week at most, as in AWS, and 15 minutes when it
// does not say, as STS has it; the SDKs' presigned GetCallerIdentity does not.
const (
	maxExpires     = 7 * 24 * time.Hour
	defaultExpires = "900"
)

func parseQuery(query url.Values) (signature, error) {
	s := signature{presigned: true, value: query.Get("X-Amz-Signature")}
	for _, name := range []string{"X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Signature"} {
		if query.Get(name) == "" {
			return s, incomplete("AWS query-string parameters must include '%s'.", name)
		}
	}
	if !s.scope(query.Get("X-Amz-Credential")) {
		return s, badCredential(query.Get("X-Amz-Credential"))
	}
	life := cmp.Or(query.Get("X-Amz-Expires"), defaultExpires)
	seconds, err := strconv.ParseInt(life, 10, 32)
	s.expires = time.Duration(seconds) * time.Second
	if err != nil || s.expires < 0 || s.expires > maxExpires {
		return s, incomplete("X-Amz-Expires must be a number of seconds from 0 to %d.", int(maxExpires.Seconds()))
	}
	s.headers = strings.Split(query.Get("X-Amz-SignedHeaders"), ";")
	return s, nil
}

func badCredential(credential string) error {
	return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", shorten(credential))
}

func incomplete(format string, args ...any) error {
	return &Error{Code: IncompleteSignature, Message: fmt.Sprintf(format, args...)}
}

func shorten(s string) string {
	if len(s) > 120 {
		return s[:120] + "..."
	}
	return s
}
