package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/batch"
)

// wholeNumbers is the SDK's HTTP client for servers that write a whole number as 1.0, as
// moto does with a job's vCPUs. JSON allows that; the SDK refuses to read it into an
// integer, and nothing of the answer would reach the user.
type wholeNumbers struct {
	next batch.HTTPClient
}

// maxAnswer bounds an answer of the Batch API: far above a page of 1000 jobs.
const maxAnswer = 64 << 20

func (w wholeNumbers) Do(req *http.Request) (*http.Response, error) {
	resp, err := w.next.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	if len(text) > maxAnswer {
		return nil, fmt.Errorf("the answer of the server is longer than %d MiB", maxAnswer>>20)
	}
	text = shortenWholes(text)
	resp.Body = io.NopCloser(bytes.NewReader(text))
	resp.ContentLength = int64(len(text))
	if resp.Header.Get("Content-Length") != "" {
		resp.Header.Set("Content-Length", strconv.Itoa(len(text)))
	}
	return resp, nil
}

// shortenWholes takes ".0" off the numbers in a JSON text, and leaves strings alone.
func shortenWholes(text []byte) []byte {
	if !bytes.Contains(text, []byte(".0")) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			out = append(out, text[i:end]...)
			i = end
		case c == '-' || c >= '0' && c <= '9':
			end := i + 1
			for end < len(text) && bytes.IndexByte([]byte("0123456789.eE+-"), text[end]) >= 0 {
				end++
			}
			out = append(out, bytes.TrimSuffix(text[i:end], []byte(".0"))...)
			i = end
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}
