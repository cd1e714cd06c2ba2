package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"
)

// cliConfig is the part of the docker command's config.json that matters here.
type cliConfig struct {
	CurrentContext string              `json:"currentContext"`
	Auths          map[string]cliLogin `json:"auths"`
	CredsStore     string              `json:"credsStore"`
	CredHelpers    map[string]string   `json:"credHelpers"`
}

// cliDir is where the docker command keeps its settings.
func cliDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".docker")
}

// readCLIConfig reads config.json; a missing one is empty.
func readCLIConfig(dir string) (cliConfig, error) {
	var config cliConfig
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return config, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &config)
	}
	return config, err
}

// engineOptions says which engine to use. The order is that of the docker command:
// the host that was named, DOCKER_HOST, the context in DOCKER_CONTEXT or of
// "docker context use", the default socket.
func engineOptions(host string) ([]client.Opt, error) {
	options := []client.Opt{client.FromEnv}
	switch {
	case host != "":
		return append(options, client.WithHost(host)), checkScheme(host)
	case os.Getenv("DOCKER_HOST") != "":
		return options, checkScheme(os.Getenv("DOCKER_HOST"))
	}
	dir := cliDir()
	name := os.Getenv("DOCKER_CONTEXT")
	if name == "" {
		config, err := readCLIConfig(dir)
		if err != nil {
			return nil, fmt.Errorf("docker's config.json in %s: %w; correct it, or set DOCKER_HOST", dir, err)
		}
		name = config.CurrentContext
	}
	if name == "" || name == "default" {
		return options, nil
	}
	more, err := contextOptions(dir, name)
	return append(options, more...), err
}

// contextOptions reads one of the docker command's contexts. They are kept under
// the SHA-256 of their name (github.com/docker/cli, cli/context/store).
func contextOptions(dir, name string) ([]client.Opt, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	data, err := os.ReadFile(filepath.Join(dir, "contexts", "meta", id, "meta.json"))
	if err != nil {
		return nil, fmt.Errorf("docker context %q: %w; choose another with \"docker context use\", or set DOCKER_HOST", name, err)
	}
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if err := json.Unmarshal(data, &meta); err != nil {
		return nil, fmt.Errorf("docker context %q: %w", name, err)
	}
	host := meta.Endpoints["docker"].Host
	if host == "" {
		return nil, fmt.Errorf("docker context %q names no Docker endpoint; set DOCKER_HOST", name)
	}
	options := []client.Opt{client.WithHost(host)}
	tls := filepath.Join(dir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(tls); err == nil {
		options = append(options, client.WithTLSClientConfig(
			ifThere(tls, "ca.pem"), ifThere(tls, "cert.pem"), ifThere(tls, "key.pem")))
	}
	return options, checkScheme(host)
}

func ifThere(dir, name string) string {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// checkScheme refuses what the client library cannot dial.
func checkScheme(host string) error {
	if strings.HasPrefix(host, "ssh://") {
		return fmt.Errorf("docker host %s: ssh is not supported; forward the socket with "+
			"\"ssh -L /tmp/docker.sock:/var/run/docker.sock\" and set DOCKER_HOST=unix:///tmp/docker.sock", host)
	}
	return nil
}
