package deploy

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/packhorse-batch/packhorse/infra"
)

// parameters is the part of the parameter store that deployments need.
type parameters interface {
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	DescribeParameters(context.Context, *ssm.DescribeParametersInput, ...func(*ssm.Options)) (*ssm.DescribeParametersOutput, error)
	DeleteParameters(context.Context, *ssm.DeleteParametersInput, ...func(*ssm.Options)) (*ssm.DeleteParametersOutput, error)
}

// Role is what the holder of an access key may do.
type Role string

// The roles, each of which may what the next one may.
const (
	Admin  Role = "admin"  // everything
	Submit Role = "submit" // submit and end jobs
	Read   Role = "read"   // look
)

// Roles lists the roles.
func Roles() []Role { return []Role{Admin, Submit, Read} }

// Key is an access key of a deployment. Its secret is known to its holder and to the
// parameter store.
type Key struct {
	ID      string
	Role    Role
	Created time.Time
}

// storedKey is a key as the function api reads it: the SecureString
// /packhorse/DEPLOYMENT/keys/ID.
type storedKey struct {
	Secret string `json:"secret"`
	Role   Role   `json:"role"`
}

const (
	keyPrefix = "PHK" // tells our keys from AWS's, which begin with AKIA or ASIA
	// keyDigits and secretBytes make an id of 20 characters and a secret of 40: the
	// lengths that AWS's have, which some clients check.
	keyDigits   = 17
	secretBytes = 30
	// maxKeyPages bounds the listing of keys, 50 each.
	maxKeyPages = 20
)

var keyRule = regexp.MustCompile(`^` + keyPrefix + `[A-Z2-7]{17}$`)

func keyPath(deployment string) string { return "/packhorse/" + deployment + "/keys/" }

// CreateKey makes an access key and returns it with its secret, which is not shown
// again.
func (a *Account) CreateKey(ctx context.Context, deployment string, role Role) (key Key, secret string, err error) {
	if !slices.Contains(Roles(), role) {
		return Key{}, "", &Error{Message: fmt.Sprintf("there is no role %q", role), Next: "give --role admin, submit or read"}
	}
	if err := a.mustExist(ctx, deployment); err != nil {
		return Key{}, "", err
	}
	raw := make([]byte, keyDigits+secretBytes)
	if _, err := io.ReadFull(a.Random, raw); err != nil {
		return Key{}, "", fmt.Errorf("draw an access key: %w", err)
	}
	key = Key{ID: keyPrefix + base32.StdEncoding.EncodeToString(raw[:keyDigits])[:keyDigits], Role: role}
	secret = base64.RawURLEncoding.EncodeToString(raw[keyDigits:])
	value, err := json.Marshal(storedKey{Secret: secret, Role: role})
	if err != nil {
		return Key{}, "", fmt.Errorf("write an access key: %w", err)
	}
	_, err = a.Parameters.PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(keyPath(deployment) + key.ID), Value: aws.String(string(value)), Type: types.ParameterTypeSecureString,
		// The role is told twice: the list of keys is made without reading secrets.
		Description: aws.String("Packhorse access key, role " + string(role)),
		Tags:        []types.Tag{{Key: aws.String(infra.DeploymentTag), Value: aws.String(deployment)}},
	})
	return key, secret, explain(err, "keep the access key")
}

// Keys lists the access keys of a deployment.
func (a *Account) Keys(ctx context.Context, deployment string) ([]Key, error) {
	var keys []Key
	var token *string
	for range maxKeyPages {
		out, err := a.Parameters.DescribeParameters(ctx, &ssm.DescribeParametersInput{
			MaxResults: aws.Int32(50), NextToken: token,
			ParameterFilters: []types.ParameterStringFilter{{
				Key: aws.String("Name"), Option: aws.String("BeginsWith"), Values: []string{keyPath(deployment)},
			}},
		})
		if err != nil {
			return nil, explain(err, "list the access keys")
		}
		for _, p := range out.Parameters {
			_, role, _ := strings.Cut(aws.ToString(p.Description), ", role ")
			keys = append(keys, Key{
				ID: strings.TrimPrefix(aws.ToString(p.Name), keyPath(deployment)), Role: Role(role), Created: aws.ToTime(p.LastModifiedDate),
			})
		}
		if token = out.NextToken; token == nil {
			break
		}
	}
	slices.SortFunc(keys, func(x, y Key) int { return strings.Compare(x.ID, y.ID) })
	return keys, nil
}

// Secret reads the secret of a key, for a program that calls in its name.
func (a *Account) Secret(ctx context.Context, deployment, id string) (string, error) {
	out, err := a.Parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(keyPath(deployment) + id), WithDecryption: aws.Bool(true)})
	if err != nil {
		return "", explain(err, "read the access key "+id)
	}
	var key storedKey
	if err := json.Unmarshal([]byte(aws.ToString(out.Parameter.Value)), &key); err != nil || key.Secret == "" {
		return "", &Error{Message: "the access key " + id + " is not readable", Next: "delete it with `packhorse keys delete " + id + "`, and create another"}
	}
	return key.Secret, nil
}

// DeleteKey deletes an access key. Requests signed with it are refused once the
// functions have forgotten it, within minutes.
func (a *Account) DeleteKey(ctx context.Context, deployment, id string) error {
	if !keyRule.MatchString(id) {
		return &Error{Message: fmt.Sprintf("%q is not the id of an access key", id), Next: "`packhorse keys list` shows them"}
	}
	found, err := a.deleteKeys(ctx, deployment, []string{id})
	if err == nil && found == 0 {
		err = &Error{Message: fmt.Sprintf("there is no access key %s in the deployment %s", id, deployment), Next: "`packhorse keys list` shows those that there are"}
	}
	return err
}

// deleteKeys deletes keys, ten at a time, which is what one call takes.
func (a *Account) deleteKeys(ctx context.Context, deployment string, ids []string) (found int, err error) {
	for some := range slices.Chunk(ids, 10) {
		names := make([]string, len(some))
		for i, id := range some {
			names[i] = keyPath(deployment) + id
		}
		out, err := a.Parameters.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: names})
		if err != nil {
			return found, explain(err, "delete access keys")
		}
		found += len(out.DeletedParameters)
	}
	return found, nil
}

// mustExist refuses a deployment that is not there.
func (a *Account) mustExist(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	stack, err := a.stack(ctx, name)
	if err == nil && stack == nil {
		err = none(name, a.Region)
	}
	return err
}
