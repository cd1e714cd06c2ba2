package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Skew is how far the clocks of client and server may be apart.
const Skew = 5 * time.Minute

// Code is AWS's name for a failed authentication.
type Code string

// The codes, all answered with HTTP 403.
const (
	MissingAuthenticationToken Code = "MissingAuthenticationTokenException" // not signed at all
	IncompleteSignature        Code = "IncompleteSignatureException"        // signed in a form that cannot be read
	UnrecognizedClient         Code = "UnrecognizedClientException"         // the access key is not known
	InvalidSignature           Code = "InvalidSignatureException"           // wrong secret, changed on the way, or too old
)

// Error is why a request was not let in.
type Error struct {
	Code    Code
	Message string
}

func (e *Error) Error() string { return e.Message }

// Verify checks the signature of r, whose body was read into body, as of now. keys
// returns the secret of an access key id, false for one that it does not know.
// Any region and service is accepted. The error is an *[Error].
func Verify(r *http.Request, body []byte, keys func(id string) (secret string, ok bool), now time.Time) error {
	s, err := parse(r)
	if err != nil {
		return err
	}
	at, stamp, err := s.time(r)
	if err != nil {
		return err
	}
	if err := s.current(at, now); err != nil {
		return err
	}
	if err := s.covers(r); err != nil {
		return err
	}
	secret, ok := keys(s.access)
	if !ok || secret == "" {
		return &Error{UnrecognizedClient, fmt.Sprintf("The security token included in the request is invalid: this server has no access key %q; use one that was made for it", shorten(s.access))}
	}
	sum := sha256.Sum256(body)
	text, ok := s.canonical(r, hex.EncodeToString(sum[:]))
	if !ok {
		return mismatch()
	}
	given, err := hex.DecodeString(s.value)
	if err != nil || !hmac.Equal(given, s.sign(secret, stamp, text)) {
		return mismatch()
	}
	return nil
}

func mismatch() error {
	return &Error{InvalidSignature, "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details. " +
		"(Either the secret does not belong to this access key, or a proxy changed path, query, host or a header on the way.)"}
}

// time returns when the request was signed, as a time and as it was written.
func (s *signature) time(r *http.Request) (at time.Time, stamp string, err error) {
	switch {
	case s.presigned:
		stamp = r.URL.Query().Get("X-Amz-Date")
	case r.Header.Get("X-Amz-Date") != "":
		stamp = r.Header.Get("X-Amz-Date")
	default:
		at, err := http.ParseTime(r.Header.Get("Date"))
		if err != nil {
			return at, "", incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
		}
		stamp = at.UTC().Format(timeLayout)
	}
	at, err = time.Parse(timeLayout, stamp)
	if err != nil {
		return at, "", incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", shorten(stamp))
	}
	if day := at.Format(dateLayout); s.date != day {
		return at, "", &Error{InvalidSignature, fmt.Sprintf("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.", shorten(s.date), day, stamp)}
	}
	return at, stamp, nil
}

// current fails for a request that was signed too long ago, or in the future.
func (s *signature) current(at, now time.Time) error {
	form := func(t time.Time) string { return t.UTC().Format(timeLayout) }
	if late := now.Add(Skew); at.After(late) {
		return &Error{InvalidSignature, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + 5 min.)", form(at), form(late), form(now))}
	}
	if s.presigned {
		if end := at.Add(s.expires); end.Before(now) {
			return &Error{InvalidSignature, fmt.Sprintf("Signature expired: %s is now earlier than %s", form(end), form(now))}
		}
		return nil
	}
	if early := now.Add(-Skew); at.Before(early) {
		return &Error{InvalidSignature, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - 5 min.)", form(at), form(early), form(now))}
	}
	return nil
}

// covers fails when a header that decides what the request means is not signed:
// the host, and the operation in the JSON protocols. (The date is part of what is
// signed in any case. Other X-Amz headers are not asked for: a proxy may add some.)
func (s *signature) covers(r *http.Request) error {
	if !slices.Contains(s.headers, "host") {
		return incomplete("'Host' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if r.Header.Get("X-Amz-Target") != "" && !slices.Contains(s.headers, "x-amz-target") {
		return incomplete("'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

// sign returns the signature of a canonical request.
func (s *signature) sign(secret, stamp string, canonical []byte) []byte {
	key := mac([]byte("AWS4"+secret), s.date)
	key = mac(key, s.region)
	key = mac(key, s.service)
	key = mac(key, terminal)
	sum := sha256.Sum256(canonical)
	return mac(key, algorithm+"\n"+stamp+"\n"+s.date+"/"+s.region+"/"+s.service+"/"+terminal+"\n"+hex.EncodeToString(sum[:]))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
