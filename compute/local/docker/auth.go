package docker

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
)

// cliLogin is what "docker login" stored for a registry.
type cliLogin struct {
	Auth          string `json:"auth"` // base64 of user:password
	IdentityToken string `json:"identitytoken"`
}

// dockerHub is the name of Docker Hub in config.json.
const dockerHub = "https://index.docker.io/v1/"

// helperTime bounds a credential helper: some ask a key ring or a cloud.
const helperTime = 20 * time.Second

// registryAuth returns the credentials that the user's "docker login" stored for
// the registry of an image, as the X-Registry-Auth header; empty if there are none.
// A job is pulled with what its user may pull by hand.
func registryAuth(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	config, err := readCLIConfig(cliDir())
	if err != nil {
		return ""
	}
	server := reference.Domain(named)
	if server == "docker.io" {
		server = dockerHub
	}
	auth, ok := config.login(server, runHelper)
	if !ok {
		return ""
	}
	header, err := authconfig.Encode(auth)
	if err != nil {
		return ""
	}
	return header
}

// login looks a registry up: its own helper, then the common store, then the file.
func (c cliConfig) login(server string, ask func(helper, server string) (user, secret string, ok bool)) (registry.AuthConfig, bool) {
	helper := c.CredHelpers[server]
	if helper == "" {
		helper = c.CredsStore
	}
	if helper != "" {
		if user, secret, ok := ask(helper, server); ok {
			if user == "<token>" { // so helpers mark an identity token
				return registry.AuthConfig{ServerAddress: server, IdentityToken: secret}, true
			}
			return registry.AuthConfig{ServerAddress: server, Username: user, Password: secret}, true
		}
	}
	for name, login := range c.Auths {
		if hostOf(name) != hostOf(server) {
			continue
		}
		decoded, err := base64.StdEncoding.DecodeString(login.Auth)
		user, secret, ok := strings.Cut(string(decoded), ":")
		if err == nil && (ok || login.IdentityToken != "") {
			return registry.AuthConfig{ServerAddress: server, Username: user,
				Password: strings.TrimRight(secret, "\x00"), IdentityToken: login.IdentityToken}, true
		}
	}
	return registry.AuthConfig{}, false
}

// hostOf strips scheme and path: older clients wrote "https://host/v1/".
func hostOf(server string) string {
	if _, rest, ok := strings.Cut(server, "://"); ok {
		server = rest
	}
	host, _, _ := strings.Cut(server, "/")
	return host
}

// runHelper asks a credential helper, a program of the user's Docker installation
// (github.com/docker/docker-credential-helpers).
func runHelper(helper, server string) (user, secret string, ok bool) {
	ctx, cancel := context.WithTimeout(context.Background(), helperTime)
	defer cancel()
	command := exec.CommandContext(ctx, "docker-credential-"+helper, "get")
	command.Stdin = strings.NewReader(server)
	out, err := command.Output()
	if err != nil {
		return "", "", false
	}
	var answer struct{ Username, Secret string }
	if json.NewDecoder(bytes.NewReader(out)).Decode(&answer) != nil || answer.Secret == "" {
		return "", "", false
	}
	return answer.Username, answer.Secret, true
}
