package amazon

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

func decoded(t *testing.T, cluster, fromTemplate string) string {
	t.Helper()
	data, err := userData(cluster, fromTemplate)
	if err != nil {
		t.Fatalf("userData() = %v", err)
	}
	text, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestUserDataTellsTheAgent(t *testing.T) {
	text := decoded(t, "blue_Batch_1", "")
	for _, want := range []string{
		"MIME-Version: 1.0\r\n", `Content-Type: multipart/mixed; boundary="==PACKHORSE=="`,
		"\nECS_CLUSTER=blue_Batch_1\n", "\nECS_ENABLE_SPOT_INSTANCE_DRAINING=true\n", "\nECS_IMAGE_PULL_BEHAVIOR=prefer-cached\n",
		"\nECS_CONTAINER_STOP_TIMEOUT=30s\n", "/etc/ecs/ecs.config",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("user data lacks %q:\n%s", want, text)
		}
	}
	if parts, err := partsOf(encoded(text)); err != nil || len(parts) != 1 {
		t.Errorf("it has %d parts, %v; want one", len(parts), err)
	}
}

// theirs is the example of the AWS Batch user guide, "Amazon EC2 user data in launch
// templates", shortened.
const theirs = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="==MYBOUNDARY=="

--==MYBOUNDARY==
Content-Type: text/cloud-config; charset="us-ascii"

packages:
- amazon-efs-utils

--==MYBOUNDARY==
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
echo ECS_CLUSTER=other >> /etc/ecs/ecs.config
echo ECS_IMAGE_PULL_BEHAVIOR=always >> /etc/ecs/ecs.config

--==MYBOUNDARY==--
`

func TestUserDataOfTheTemplateComesAfterOursButForTheCluster(t *testing.T) {
	text := decoded(t, "blue", encoded(theirs))
	var at int
	for _, want := range []string{
		"ECS_CLUSTER=blue", "ECS_IMAGE_PULL_BEHAVIOR=prefer-cached", "text/cloud-config", "amazon-efs-utils",
		"ECS_CLUSTER=other", "ECS_IMAGE_PULL_BEHAVIOR=always", "ECS_CLUSTER=blue",
	} {
		found := strings.Index(text[at:], want)
		if found < 0 {
			t.Fatalf("user data lacks %q after %q:\n%s", want, text[:at], text)
		}
		at += found + len(want)
	}
	if parts, err := partsOf(encoded(text)); err != nil || len(parts) != 4 {
		t.Errorf("it has %d parts, %v; want 4", len(parts), err)
	}
}

func TestUserDataTakesAPlainScript(t *testing.T) {
	if text := decoded(t, "blue", encoded("#!/bin/sh\nmount /data\n")); !strings.Contains(text, "mount /data") {
		t.Errorf("user data lacks the script:\n%s", text)
	}
}

func TestUserDataRefuses(t *testing.T) {
	if _, err := userData("blue", encoded("packages: [git]")); !errors.Is(err, errNotMultipart) {
		t.Errorf("userData() = %v of something that is neither multi-part nor a script", err)
	}
	if _, err := userData("blue", encoded("#!/bin/sh\n"+strings.Repeat("#", maxUserData))); err == nil || !strings.Contains(err.Error(), "shorten") {
		t.Errorf("userData() = %v of what is too long for EC2, want an error that says what to do", err)
	}
}
