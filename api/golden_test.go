package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	awsbatch "github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/google/go-cmp/cmp"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/internal/wire"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/wire")

// exchange is a file of testdata/wire: a request and its answer as they are on the
// wire, bodies indented.
type exchange struct {
	method, path string
	body         string
	answer       string
}

func readExchange(t *testing.T, file string) exchange {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	var e exchange
	e.method, e.path, _ = strings.Cut(blocks[0], " ")
	if len(blocks) == 4 {
		e.body = blocks[1]
	}
	if n := len(blocks); n < 3 || n > 4 || blocks[n-2] != "200" {
		t.Fatalf("%s is not request, body, 200 and body", file)
	}
	e.answer = blocks[len(blocks)-1]
	return e
}

func (e exchange) String() string {
	blocks := []string{e.method + " " + e.path, e.body, "200", e.answer}
	if e.body == "" {
		blocks = append(blocks[:1], blocks[2:]...)
	}
	return strings.Join(blocks, "\n\n") + "\n"
}

func indent(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return b.String()
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	if text == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// Each served operation has a file of what goes over the wire. The request in it is
// what the SDK sends for the input that we read from it, and the answer is, byte by
// byte, what we write for the output that it stands for. `go test ./api -update`
// rewrites the answers.
func TestWire(t *testing.T) {
	service := &fakeService{}
	handler := api.New(api.Config{Service: service, Account: account})
	var seen exchange // what arrived last, and what was answered
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		seen = exchange{method: r.Method, path: r.RequestURI, body: string(body)}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		seen.answer = recorder.Body.String()
		w.WriteHeader(recorder.Code)
		w.Write(recorder.Body.Bytes())
	}))
	defer server.Close()
	for _, op := range clientOperations(awsbatch.NewFromConfig(sdk(server))) {
		if !served(op.name) {
			continue
		}
		t.Run(op.name, func(t *testing.T) {
			file := filepath.Join("testdata", "wire", op.name+".txt")
			want := readExchange(t, file)
			output := reflect.New(op.out).Interface()
			if err := wire.Unmarshal([]byte(want.answer), output); err != nil {
				t.Fatalf("the answer in %s: %v", file, err)
			}
			service.output = output

			if got := send(t, want.method, server.URL+want.path, want.body, nil); got.status != 200 {
				t.Fatalf("%s = %+v", want.path, got)
			}
			answer := indent(t, []byte(seen.answer))
			if *update {
				changed := want
				changed.answer = answer
				if err := os.WriteFile(file, []byte(changed.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				want.answer = answer
			}
			if diff := cmp.Diff(want.answer, answer); diff != "" {
				t.Errorf("answer: (-%s +got)\n%s", file, diff)
			}

			if _, err := op.call(t.Context(), service.input); err != nil {
				t.Fatalf("the SDK with the input of %s: %v", file, err)
			}
			if seen.method != want.method || seen.path != want.path {
				t.Errorf("the SDK sends %s %s, want %s %s", seen.method, seen.path, want.method, want.path)
			}
			if diff := cmp.Diff(parsed(t, want.body), parsed(t, seen.body)); diff != "" {
				t.Errorf("request: (-%s +what the SDK sends)\n%s", file, diff)
			}
		})
	}
}
