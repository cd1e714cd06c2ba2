package demo

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"
)

// said is what a definition says about where the task finds things.
type said struct {
	Image, Command string
	Mounts         []string // "host at container", "(ro)" behind it
}

func saidBy(c *types.ContainerProperties) said {
	s := said{Image: *c.Image, Command: strings.Join(c.Command, " ")}
	for _, m := range c.MountPoints {
		i := slices.IndexFunc(c.Volumes, func(v types.Volume) bool { return *v.Name == *m.SourceVolume })
		text := *c.Volumes[i].Host.SourcePath + " at " + *m.ContainerPath
		if *m.ReadOnly {
			text += " (ro)"
		}
		s.Mounts = append(s.Mounts, text)
	}
	return s
}

func TestDefinitions(t *testing.T) {
	const countArgs = " --run Ref::run --shards Ref::shards"
	tests := map[string]struct {
		place Place
		want  map[string]said
	}{
		"in containers the folders are mounted": {
			place: Place{Image: "packhorse-demo:1", Program: "/bin/packhorse", Source: "/usr/local/go", Results: "/data/results"},
			want: map[string]said{
				"demo-count": {"packhorse-demo:1", "/packhorse demo-task count --source /goroot --results /results" + countArgs,
					[]string{"/usr/local/go at /goroot (ro)", "/data/results at /results"}},
				"demo-merge": {"packhorse-demo:1", "/packhorse demo-task merge --results /results" + countArgs,
					[]string{"/data/results at /results"}},
				"demo-flaky": {"packhorse-demo:1", "/packhorse demo-task flaky", nil},
			},
		},
		"plain processes use them where they are": {
			place: Place{Program: "/bin/packhorse", Source: "/usr/local/go", Results: "/data/results"},
			want: map[string]said{
				"demo-count": {"none", "/bin/packhorse demo-task count --source /usr/local/go --results /data/results" + countArgs, nil},
				"demo-merge": {"none", "/bin/packhorse demo-task merge --results /data/results" + countArgs, nil},
				"demo-flaky": {"none", "/bin/packhorse demo-task flaky", nil},
			},
		},
		"the built-in tree needs no mount": {
			place: Place{Image: "packhorse-demo:1", Source: BuiltIn, Results: "/data/results"},
			want: map[string]said{
				"demo-count": {"packhorse-demo:1", "/packhorse demo-task count --source built-in --results /results" + countArgs,
					[]string{"/data/results at /results"}},
				"demo-merge": {"packhorse-demo:1", "/packhorse demo-task merge --results /results" + countArgs,
					[]string{"/data/results at /results"}},
				"demo-flaky": {"packhorse-demo:1", "/packhorse demo-task flaky", nil},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := map[string]said{}
			for _, d := range Definitions(test.place) {
				got[*d.JobDefinitionName] = saidBy(d.ContainerProperties)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("definitions of %+v (-want +got):\n%s", test.place, d)
			}
		})
	}
}

func TestSetSourceReplacesTheTree(t *testing.T) {
	mounted := said{"i", "/packhorse demo-task count --source /goroot --results /results --run Ref::run --shards Ref::shards",
		[]string{"/data at /results", "/other at /goroot (ro)"}}
	for _, before := range []string{"/usr/local/go", BuiltIn} {
		count := Definitions(Place{Image: "i", Source: before, Results: "/data"})[0].ContainerProperties
		SetSource(count, "/other")
		if d := cmp.Diff(mounted, saidBy(count)); d != "" {
			t.Errorf("%s replaced by /other (-want +got):\n%s", before, d)
		}
		if got := SourceOf(count); got != "/other" {
			t.Errorf("SourceOf = %q, want /other", got)
		}
	}
	count := Definitions(Place{Program: "/p", Source: "/usr/local/go", Results: "/data"})[0].ContainerProperties
	SetSource(count, "/other")
	if got := saidBy(count); !strings.Contains(got.Command, "--source /other ") || len(got.Mounts) > 0 {
		t.Errorf("as a process: %+v, want --source /other and no mounts", got)
	}
}
