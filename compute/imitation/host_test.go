package imitation_test

import (
	"regexp"
	"testing"

	"github.com/packhorse-batch/packhorse/compute/imitation"
)

func TestAHostLooksLikeOneOfEC2(t *testing.T) {
	for name, check := range map[string]struct {
		make func(id string) string
		want string
	}{
		"instance":   {imitation.Instance, `^i-0[0-9a-f]{16}$`},
		"private ip": {imitation.PrivateIP, `^172\.31\.\d{1,3}\.\d{1,3}$`},
		"zone":       {func(id string) string { return imitation.Zone("eu-west-1", id) }, `^eu-west-1[abc]$`},
	} {
		got := check.make("h-1")
		if !regexp.MustCompile(check.want).MatchString(got) {
			t.Errorf("%s of h-1 = %q, want it to match %s", name, got, check.want)
		}
		if again := check.make("h-1"); again != got {
			t.Errorf("%s of h-1 = %q and then %q, want the same", name, got, again)
		}
	}
	if a, b := imitation.Instance("h-1"), imitation.Instance("h-2"); a == b {
		t.Errorf("h-1 and h-2 are both instance %s", a)
	}
}
