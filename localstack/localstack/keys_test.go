package localstack

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/packhorse-batch/packhorse/api"
	"github.com/packhorse-batch/packhorse/internal/account"
)

// A caller's key is a SecureString, which comes back decrypted.
func TestKeysAreFoundInTheParameterStore(t *testing.T) {
	client := ssm.NewFromConfig(config(t))
	const path = "/packhorse/test/keys/"
	for id, value := range map[string]string{"PHKREADER": `{"secret":"s3cret","role":"read"}`, "PHKBROKEN": "no JSON"} {
		_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: new(path + id), Value: &value, Type: types.ParameterTypeSecureString})
		must(t, err)
	}
	keys := &account.Keys{Client: client, Path: path, Now: time.Now}

	got, ok, err := keys.Key(t.Context(), "PHKREADER")
	if want := (api.Key{Secret: "s3cret", Role: "read"}); err != nil || !ok || got != want {
		t.Errorf("a key that is there = %+v, %v, %v, want %+v", got, ok, err, want)
	}
	if got, ok, err := keys.Key(t.Context(), "PHKNOBODY"); err != nil || ok {
		t.Errorf("a key that is not there = %+v, %v, %v, want none and no error", got, ok, err)
	}
	if _, ok, err := keys.Key(t.Context(), "PHKBROKEN"); err == nil || ok {
		t.Errorf("a parameter that is no key = %v, %v, want an error", ok, err)
	}
}
