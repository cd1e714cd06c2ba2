package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"

	domain "github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/internal/wire"
)

// The paths of what Packhorse has and AWS Batch does not.
const (
	triggersPath    = "/packhorse/v1/triggers"
	deadLettersPath = "/packhorse/v1/deadletters"
)

// callTime bounds a call of our own.
const callTime = time.Minute

// own makes a call that AWS Batch does not have, signed as the SDK signs the others. in
// is sent as the body, unless it is nil; the answer is read into out.
func (c *client) own(ctx context.Context, method, path string, in, out any) error {
	if c.target.endpoint == "" {
		return usage("AWS Batch has no S3 triggers").hint("name a Packhorse server with --endpoint; on AWS itself an EventBridge rule can submit jobs")
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var body []byte
	if in != nil {
		var err error
		if body, err = wire.Marshal(in); err != nil {
			return fmt.Errorf("write the request as JSON: %w", err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.target.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if err := c.sign(ctx, r, body); err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return err
	case answer.StatusCode >= http.StatusBadRequest:
		return refusal(answer, text)
	}
	if err := wire.Unmarshal(text, out); err != nil {
		return &smithy.DeserializationError{Err: err, Snapshot: text}
	}
	return nil
}

// sign signs a request with the credentials of this run.
func (c *client) sign(ctx context.Context, r *http.Request, body []byte) error {
	as, region := c.as, c.target.region
	if as == nil {
		cfg, err := c.target.config(ctx)
		if err != nil {
			return err
		}
		as, region = cfg.Credentials, cfg.Region
	}
	credentials, err := as.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("get credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), "batch", region, time.Now())
}

// refusal is the error of an answer, as the SDK would give it.
func refusal(answer *http.Response, text []byte) error {
	e := &smithy.GenericAPIError{Code: answer.Header.Get("X-Amzn-Errortype"), Message: answer.Status}
	var told struct{ Message string }
	if err := wire.Unmarshal(text, &told); err == nil && told.Message != "" {
		e.Message = told.Message
	}
	if answer.StatusCode == http.StatusNotFound && e.Code != "NotFoundException" || answer.StatusCode == http.StatusNotImplemented {
		return &Error{Message: "this server has no S3 triggers: " + e.Message, Next: "name another with --endpoint, or use a newer one", Err: e}
	}
	return e
}

// triggerList is the answer of ListTriggers.
type triggerList struct {
	Triggers []domain.TriggerDetail
}

// triggers returns all triggers.
func (c *client) triggers(ctx context.Context) ([]domain.TriggerDetail, error) {
	var all triggerList
	err := c.own(ctx, http.MethodGet, triggersPath, nil, &all)
	return all.Triggers, err
}

// trigger returns one trigger.
func (c *client) trigger(ctx context.Context, name string) (domain.TriggerDetail, error) {
	var one domain.TriggerDetail
	err := c.own(ctx, http.MethodGet, triggersPath+"/"+url.PathEscape(name), nil, &one)
	return one, err
}

// deadLetterList is the answer of ListDeadLetters.
type deadLetterList struct {
	DeadLetters []domain.DeadLetter
	NextToken   string `json:"nextToken,omitempty"`
}

// deadLetters returns dead letters of a trigger, or of all if it is empty, the latest
// first, at most limit of them.
func (c *client) deadLetters(ctx context.Context, trigger string, limit int) (letters []domain.DeadLetter, more bool, err error) {
	query := url.Values{"maxResults": {strconv.Itoa(domain.MaxDeadLetters)}}
	if trigger != "" {
		query.Set("trigger", trigger)
	}
	for {
		var page deadLetterList
		if err := c.own(ctx, http.MethodGet, deadLettersPath+"?"+query.Encode(), nil, &page); err != nil {
			return letters, false, err
		}
		letters = append(letters, page.DeadLetters...)
		if len(letters) >= limit {
			return letters[:limit], len(letters) > limit || page.NextToken != "", nil
		}
		if page.NextToken == "" {
			return letters, false, nil
		}
		query.Set("nextToken", page.NextToken)
	}
}

// isAbsent reports whether an error says that there is no such thing.
func isAbsent(err error) bool {
	var e smithy.APIError
	return errors.As(err, &e) && e.ErrorCode() == "NotFoundException"
}
