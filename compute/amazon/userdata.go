package amazon

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
)

// boundary parts the user data of our hosts.
const boundary = "==PACKHORSE=="

// maxUserData is what EC2 takes, in bytes before base64 ("User data", EC2 user guide).
const maxUserData = 16 << 10

// agentConfig is what the ECS agent of a host is told ("Container agent
// configuration", ECS developer guide).
func agentConfig(cluster string) []string {
	return []string{
		"ECS_CLUSTER=" + cluster,
		// With the two-minute notice the host takes no more tasks.
		"ECS_ENABLE_SPOT_INSTANCE_DRAINING=true",
		// Jobs of an array run one image thousands of times.
		"ECS_IMAGE_PULL_BEHAVIOR=prefer-cached",
		fmt.Sprintf("ECS_CONTAINER_STOP_TIMEOUT=%ds", int(compute.DefaultStopTimeout/time.Second)),
		// Roles of jobs, also in the host's network as AWS Batch runs them.
		"ECS_ENABLE_TASK_IAM_ROLE=true",
		"ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true",
		"ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true",
		`ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","syslog","journald","gelf","fluentd","awslogs","splunk","awsfirelens","none"]`,
		// Containers that ended fill the disk of a host that runs many short ones; ECS
		// waits 3 hours otherwise.
		"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=15m",
	}
}

// userData returns the user data of hosts of a cluster, in base64: what the agent is
// told, then the parts that the environment's launch template has (also in base64), and
// the cluster again, since the last word counts in the agent's configuration.
func userData(cluster, fromTemplate string) (string, error) {
	theirs, err := partsOf(fromTemplate)
	if err != nil {
		return "", err
	}
	parts := append([]part{configPart(agentConfig(cluster))}, theirs...)
	if len(theirs) > 0 {
		parts = append(parts, configPart([]string{"ECS_CLUSTER=" + cluster}))
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if err := w.SetBoundary(boundary); err != nil {
		return "", err
	}
	for _, p := range parts {
		out, err := w.CreatePart(p.header)
		if err != nil {
			return "", err
		}
		if _, err := out.Write(p.body); err != nil {
			return "", err
		}
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	text := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n" + body.String()
	if len(text) > maxUserData {
		return "", fmt.Errorf("the user data of the launch template and ours are %d bytes together, EC2 takes %d: shorten the template's", len(text), maxUserData)
	}
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}

// part is one part of MIME multi-part user data, as cloud-init reads it.
type part struct {
	header textproto.MIMEHeader
	body   []byte
}

// configPart is a script that adds lines to the agent's configuration.
func configPart(lines []string) part {
	script := "#!/bin/bash\ncat <<'PACKHORSE' >> /etc/ecs/ecs.config\n" + strings.Join(lines, "\n") + "\nPACKHORSE\n"
	return part{header: textproto.MIMEHeader{"Content-Type": {`text/x-shellscript; charset="us-ascii"`}}, body: []byte(script)}
}

// maxParts bounds the parts of a template's user data.
const maxParts = 100

// partsOf reads user data in base64. AWS Batch takes MIME multi-part only; a plain
// script is taken here as well.
func partsOf(encoded string) ([]part, error) {
	if encoded == "" {
		return nil, nil
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("the user data of the launch template is not base64: %w", err)
	}
	if bytes.HasPrefix(data, []byte("#!")) {
		return []part{{header: textproto.MIMEHeader{"Content-Type": {"text/x-shellscript"}}, body: data}}, nil
	}
	message, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return nil, errNotMultipart
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") || parameters["boundary"] == "" {
		return nil, errNotMultipart
	}
	var parts []part
	reader := multipart.NewReader(message.Body, parameters["boundary"])
	for len(parts) < maxParts {
		next, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNotMultipart, err)
		}
		body, err := io.ReadAll(io.LimitReader(next, maxUserData))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNotMultipart, err)
		}
		parts = append(parts, part{header: next.Header, body: body})
	}
	return parts, nil
}

var errNotMultipart = errors.New("the user data of the launch template is neither MIME multi-part nor a script: write it as \"Using Amazon EC2 launch templates with AWS Batch\" in the AWS Batch user guide shows")
