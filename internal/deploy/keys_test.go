package deploy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/internal/deploy"
)

func TestAKeyIsKeptAsTheFunctionsReadIt(t *testing.T) {
	c := newCloud(t)
	c.deployed()
	key, secret, err := c.account.CreateKey(t.Context(), "packhorse", deploy.Submit)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(key.ID, "PHK") || len(key.ID) != 20 || len(secret) != 40 {
		t.Errorf("key %q with a secret of %d characters, want PHK... of 20 and a secret of 40, as AWS's have", key.ID, len(secret))
	}
	if got, want := c.store.values["/packhorse/packhorse/keys/"+key.ID], `{"secret":"`+secret+`","role":"submit"}`; got != want {
		t.Errorf("kept %q, want %q", got, want)
	}
	another, _, err := c.account.CreateKey(t.Context(), "packhorse", deploy.Read)
	if err != nil || another.ID == key.ID {
		t.Errorf("another key = %q, %v, want another id", another.ID, err)
	}
	keys, err := c.account.Keys(t.Context(), "packhorse")
	if err != nil || len(keys) != 2 {
		t.Errorf("keys = %v, %v, want two", keys, err)
	}
}

func TestKeysRefuse(t *testing.T) {
	c := newCloud(t)
	if _, _, err := c.account.CreateKey(t.Context(), "packhorse", deploy.Admin); !errors.Is(err, deploy.ErrNone) {
		t.Errorf("a key of no deployment = %v, want that there is none", err)
	}
	c.deployed()
	if _, _, err := c.account.CreateKey(t.Context(), "packhorse", "root"); err == nil || nextOf(t, err) != "give --role admin, submit or read" {
		t.Errorf("a role that there is not = %v, want those that there are", err)
	}
	for _, id := range []string{"", "AKIAIOSFODNN7EXAMPLE", "PHKAAAAAAAAAAAAAAAA1", "../secrets/db"} {
		if err := c.account.DeleteKey(t.Context(), "packhorse", id); err == nil || !strings.Contains(err.Error(), "is not the id of an access key") {
			t.Errorf("delete %q = %v, want that it is none", id, err)
		}
	}
}

func TestStatusShowsWhatLives(t *testing.T) {
	c := busy(t)
	s, err := c.account.Status(t.Context(), "packhorse")
	if err != nil {
		t.Fatal(err)
	}
	if s.State != "CREATE_COMPLETE" || !s.Running || s.Arch != deploy.ARM64 || s.Endpoint() != "https://abc.lambda-url.on.aws" {
		t.Errorf("status = %+v, want one that is complete and runs on arm64", s)
	}
	if len(s.Hosts) != 1 || s.Tasks != 2 || len(s.Keys) != 1 {
		t.Errorf("status has %d hosts, %d tasks, %d keys; want 1, 2, 1", len(s.Hosts), s.Tasks, len(s.Keys))
	}
	if s.News != 3 {
		t.Errorf("status has %d events waiting, want 3", s.News)
	}
	if len(s.Letters) != 1 || s.Letters[0] != (deploy.DeadLetters{Name: "pass", Waiting: 3}) {
		t.Errorf("status has the dead letters %v, want 3 of pass", s.Letters)
	}
	if got := s.Functions[0]; got.Name != "api" || got.State != "CREATE_COMPLETE" || !strings.HasPrefix(got.Code, "packhorse/api-arm64-") {
		t.Errorf("status has the function %+v, want api, complete, with its code", got)
	}
	if got := s.Functions[1].State; got != "MISSING" { // the fake makes no other
		t.Errorf("a function that is not in the stack is %s, want MISSING", got)
	}
}
