//go:build unix

package laptop

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// refuses starts a server that cannot serve, and checks that it ends with exit code 1
// and says all of words: what is wrong, with what, and what to do.
func (s *server) refuses(words ...string) {
	s.Helper()
	p := s.spawn()
	code := p.wait(s.T)
	said := p.output.String()
	if code != 1 {
		s.Errorf("exit code %d, want 1; it said:\n%s", code, said)
	}
	for _, word := range words {
		if !strings.Contains(said, word) {
			s.Errorf("it does not say %q:\n%s", word, said)
		}
	}
	if lines := strings.Count(strings.TrimSpace(said), "\n") + 1; lines > 2 {
		s.Errorf("it says %d lines, want one or two:\n%s", lines, said)
	}
}

func TestServeRefuses_portInUse(t *testing.T) {
	s := newServer(t)
	other, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s.refuses(s.address, "in use", "--listen")
}

func TestServeRefuses_secondServerOnTheSameData(t *testing.T) {
	s := newShop(t)
	second := newServer(t)
	second.data = s.data
	second.refuses(filepath.Join(s.data, "packhorse.db"), "in use", "stop the other one")
	id := s.submit(s.order("still-works"))
	s.checkEnd(s.ends(id), 0, 0)
}

// Below a regular file even root can make no folder.
func TestServeRefuses_dataThatCannotBeMade(t *testing.T) {
	s := newServer(t)
	file := filepath.Join(s.data, "file")
	if err := os.WriteFile(file, []byte("not a folder"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{file, filepath.Join(file, "data")} {
		s.data = data
		s.refuses(data, "not a directory", "--data")
	}
}

// pageSize is that of the store's file; the tests below damage whole pages.
var pageSize = os.Getpagesize()

func TestServeRefuses_damagedStore(t *testing.T) {
	damages := map[string]func(file []byte) []byte{
		"emptied but for a few bytes": func(f []byte) []byte { return f[:100] },
		"cut off in the middle":       func(f []byte) []byte { return f[:len(f)/2] },
		"garbage":                     func(f []byte) []byte { return bytes.Repeat([]byte("garbage "), len(f)/8) },
		"zeros":                       func(f []byte) []byte { return make([]byte, len(f)) },
		"its beginning overwritten":   func(f []byte) []byte { return append(bytes.Repeat([]byte{0xff}, pageSize), f[pageSize:]...) },
		"pages overwritten": func(f []byte) []byte {
			for page := 2; page < len(f)/pageSize; page += 2 {
				copy(f[page*pageSize:], bytes.Repeat([]byte{0xa5}, pageSize))
			}
			return f
		},
		"pages in each other's place": func(f []byte) []byte {
			for page := 2; page+1 < len(f)/pageSize; page += 2 {
				one, two := f[page*pageSize:(page+1)*pageSize], f[(page+1)*pageSize:(page+2)*pageSize]
				kept := bytes.Clone(one)
				copy(one, two)
				copy(two, kept)
			}
			return f
		},
		"the file of another program": func([]byte) []byte { return []byte("SQLite format 3\x00" + strings.Repeat("x", 4096)) },
	}
	s := newShop(t)
	s.ends(s.submit(s.order("something-to-keep")))
	s.kill()
	path := filepath.Join(s.data, "packhorse.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			damaged := damage(bytes.Clone(whole))
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			s := s.in(t)
			s.refuses(path, "damaged", "backup")
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, damaged) {
				t.Errorf("the damaged file was changed (%v): it is all that there is to repair", err)
			}
		})
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	s.start() // with the backup in its place
	if jobs := s.listed(queue, types.JobStatusSucceeded); len(jobs) != 1 {
		t.Errorf("%d jobs with the backup in place, want 1", len(jobs))
	}
}

func TestServeRefuses_otherAddressesWithoutKeys(t *testing.T) {
	s := newServer(t)
	_, port, _ := net.SplitHostPort(s.address)
	for _, host := range []string{"0.0.0.0", "", "[::]"} {
		s.address = host + ":" + port
		s.refuses("without access keys", "127.0.0.1", "access key")
	}
	if entries, err := os.ReadDir(s.data); err != nil || len(entries) > 0 {
		t.Errorf("the data folder has %v (%v), want nothing", entries, err)
	}
}

func TestServeWithKeys(t *testing.T) {
	const id, secret = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	s := newServer(t)
	_, port, _ := net.SplitHostPort(s.address)
	s.address = "0.0.0.0:" + port
	s.env = []string{"PACKHORSE_ACCESS_KEY_ID=" + id, "PACKHORSE_SECRET_ACCESS_KEY=" + secret}
	s.start()
	s.address = "127.0.0.1:" + port
	until(t, "the server to say how to reach it with the key", func() bool {
		return strings.Contains(s.process.output.String(), "AWS_ENDPOINT_URL=http://"+s.address+" AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID="+id+" ")
	})
	if strings.Contains(s.process.output.String(), secret) {
		t.Error("it prints the secret")
	}
	tests := map[string]struct {
		keys aws.CredentialsProvider
		code string // empty: it is served
	}{
		"right":           {credentials.NewStaticCredentialsProvider(id, secret, ""), ""},
		"wrong secret":    {credentials.NewStaticCredentialsProvider(id, secret+"x", ""), "InvalidSignatureException"},
		"unknown key":     {credentials.NewStaticCredentialsProvider("AKIDOTHER", secret, ""), "UnrecognizedClientException"},
		"without any key": {aws.AnonymousCredentials{}, "MissingAuthenticationTokenException"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			config := s.config()
			config.Credentials = test.keys
			config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			_, err := batch.NewFromConfig(config).DescribeJobQueues(t.Context(), &batch.DescribeJobQueuesInput{})
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			checkAnswer(t, err, 403, test.code, "")
		})
	}
}

// checkAnswer checks the status, the code and a part of the message of a refusal.
func checkAnswer(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var answer smithy.APIError
	var response *smithyhttp.ResponseError
	if !errors.As(err, &answer) || !errors.As(err, &response) {
		t.Fatalf("got %v, want an answer of the server", err)
	}
	if response.HTTPStatusCode() != status || answer.ErrorCode() != code || !strings.Contains(answer.ErrorMessage(), message) {
		t.Errorf("answer = %d %s %q, want %d %s with %q in it",
			response.HTTPStatusCode(), answer.ErrorCode(), answer.ErrorMessage(), status, code, message)
	}
}

func TestServeRefuses_flagsThatMakeNoSense(t *testing.T) {
	tests := map[string]struct {
		args  []string
		words string // that it says
	}{
		"account":      {[]string{"--account", "12"}, "--account"},
		"region":       {[]string{"--region", "nowhere"}, "--region"},
		"runtime":      {[]string{"--runtime", "punch-cards"}, "punch-cards"},
		"half a key":   {[]string{"--access-key-id", "AKID"}, "--secret-access-key"},
		"boot time":    {[]string{"--boot-time", "-5s"}, "--boot-time"},
		"unknown flag": {[]string{"--no-such-flag"}, "serve --help"},
		"address":      {[]string{"--listen", "nonsense"}, "host:port"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := runBinary(t, nil, append([]string{"serve", "--data", t.TempDir(), "--listen", freeAddress(t)}, test.args...)...)
			if code := p.wait(t); code != 1 && code != 2 {
				t.Errorf("exit code %d, want 1 or 2", code)
			}
			if said := p.output.String(); !strings.Contains(said, test.words) {
				t.Errorf("it does not say %q:\n%s", test.words, said)
			}
		})
	}
}
