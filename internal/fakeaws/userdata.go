package fakeaws

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"regexp"
	"strings"
)

// agentConfig is what an instance's user data tells the ECS agent: the variables of
// /etc/ecs/ecs.config, as in ECS_CLUSTER, however the script writes them.
func agentConfig(userData string) map[string]string {
	text := decodeUserData(userData)
	config := map[string]string{}
	for _, at := range ecsVariable.FindAllStringSubmatchIndex(text, -1) {
		config[text[at[2]:at[3]]] = shellValue(text[at[1]:])
	}
	// Bottlerocket has TOML: cluster under [settings.ecs].
	if _, section, ok := strings.Cut(text, "[settings.ecs]"); ok && config["ECS_CLUSTER"] == "" {
		if m := tomlCluster.FindStringSubmatch(section); m != nil {
			config["ECS_CLUSTER"] = m[1]
		}
	}
	return config
}

var (
	ecsVariable = regexp.MustCompile(`\b(ECS_[A-Z0-9_]+)=`)
	tomlCluster = regexp.MustCompile(`(?m)^\s*cluster\s*=\s*"([^"]*)"`)
)

// shellValue is the value at the beginning of a text: JSON, something in quotes, or
// all up to white space, a quote or a redirection.
func shellValue(text string) string {
	if text == "" {
		return ""
	}
	switch text[0] {
	case '{', '[':
		var value json.RawMessage
		if err := json.NewDecoder(strings.NewReader(text)).Decode(&value); err == nil {
			return string(value)
		}
	case '\'', '"':
		if value, _, ok := strings.Cut(text[1:], text[:1]); ok {
			return value
		}
	}
	if i := strings.IndexAny(text, " \t\r\n\"'>;"); i >= 0 {
		return text[:i]
	}
	return text
}

// decodeUserData takes base64 off, and joins the parts of a MIME archive.
func decodeUserData(userData string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(userData))
	if err != nil {
		raw = []byte(userData)
	}
	message, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return string(raw)
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return string(raw)
	}
	var all strings.Builder
	for parts := multipart.NewReader(message.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil { // the last one, or an archive that cloud-init could not read further either
			return all.String()
		}
		var body io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
			body = base64.NewDecoder(base64.StdEncoding, part)
		}
		if text, err := io.ReadAll(body); err == nil {
			all.Write(text)
			all.WriteByte('\n')
		}
	}
}
