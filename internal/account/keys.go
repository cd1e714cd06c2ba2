package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/packhorse-batch/packhorse/api"
)

// parameterReader is the part of the SSM client that Keys needs.
type parameterReader interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

const (
	// keyFor is how long a key that was found is taken without asking again: so long it
	// works on after it was deleted. The parameter store takes 40 calls a second (AWS
	// Systems Manager quotas, GetParameter), which is less than a busy door sees.
	keyFor = time.Minute
	// noKeyFor is the same for one that is not there.
	noKeyFor = 5 * time.Second
	// maxKeys bounds how many are remembered.
	maxKeys = 1000
)

// Keys finds the callers' keys: SecureStrings <Path><access key id> in the parameter
// store, each a JSON object with "secret" and "role".
type Keys struct {
	Client parameterReader
	Path   string // begins and ends with a slash
	Now    func() time.Time

	mu    sync.Mutex
	known map[string]knownKey
}

type knownKey struct {
	key   api.Key
	ok    bool
	until time.Time
}

// Key returns the key of an id.
func (k *Keys) Key(ctx context.Context, id string) (api.Key, bool, error) {
	if !validID(id) {
		return api.Key{}, false, nil
	}
	now := k.Now()
	k.mu.Lock()
	known, ok := k.known[id]
	k.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.key, known.ok, nil
	}
	key, found, err := k.read(ctx, id)
	if err != nil {
		return api.Key{}, false, err
	}
	known = knownKey{key: key, ok: found, until: now.Add(noKeyFor)}
	if found {
		known.until = now.Add(keyFor)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) >= maxKeys {
		k.known = map[string]knownKey{}
	}
	k.known[id] = known
	return key, found, nil
}

// maxID is the longest id of a key; AWS's own have 20 characters.
const maxID = 128

// validID keeps what a caller says from being another path of the parameter store.
func validID(id string) bool {
	for _, c := range id {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return id != "" && len(id) <= maxID
}

func (k *Keys) read(ctx context.Context, id string) (api.Key, bool, error) {
	out, err := k.Client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(k.Path + id), WithDecryption: aws.Bool(true)})
	var missing *types.ParameterNotFound
	switch {
	case errors.As(err, &missing):
		return api.Key{}, false, nil
	case err != nil:
		return api.Key{}, false, fmt.Errorf("read the key %s: %w", id, err)
	}
	var value struct{ Secret, Role string }
	if err := json.Unmarshal([]byte(aws.ToString(out.Parameter.Value)), &value); err != nil || value.Secret == "" {
		return api.Key{}, false, fmt.Errorf("the parameter %s%s is no key: it must be a JSON object with secret and role; make keys with packhorse keys create", k.Path, id)
	}
	return api.Key{Secret: value.Secret, Role: api.Role(value.Role)}, true, nil
}
