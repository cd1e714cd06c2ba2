//go:build unix

package supervisor_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Go initialises this package, and with it starts a supervisor, as soon as all it
// imports is ready. What is listed here is initialised after the AWS SDK's large
// tables, by the order of import paths, and so would this package be.
func TestImportsAreInitialisedEarly(t *testing.T) {
	late := map[string]bool{"math/big": true, "net": true, "os/exec": true, "os/signal": true, "path/filepath": true, "regexp": true}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	const ours = "github.com/packhorse-batch/packhorse/"
	for _, name := range strings.Fields(string(out)) {
		domain, _, _ := strings.Cut(name, "/")
		outside := strings.Contains(domain, ".") && !strings.HasPrefix(name, ours)
		if late[name] || outside || name == ours+"compute" {
			t.Errorf("the supervisor imports %s, which makes every task start later", name)
		}
	}
}
