package deploy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/packhorse-batch/packhorse/internal/deploy"
)

func TestDeployTellsEachStepAndGivesTheEndpoint(t *testing.T) {
	c := newCloud(t)
	result, err := c.deploy()
	if err != nil || !result.Created || !result.Changed {
		t.Fatalf("deploy = %+v, %v, want a new deployment", result, err)
	}
	if got, want := result.Endpoint(), "https://abc.lambda-url.on.aws"; got != want {
		t.Errorf("endpoint %s, want %s, as AWS_ENDPOINT_URL_BATCH takes it", got, want)
	}
	want := []string{
		"made the bucket packhorse-artifacts-123456789012-eu-central-1",
		"uploaded api (143 B)", "uploaded pass (144 B)", "uploaded events (146 B)", "uploaded sweep (145 B)", "uploaded s3trigger (149 B)",
		"made the log group /aws/batch/job (30 days)",
		"CREATE_IN_PROGRESS packhorse", "CREATE_COMPLETE Table", "CREATE_COMPLETE ApiFunction", "CREATE_COMPLETE ApiUrl", "CREATE_COMPLETE packhorse",
	}
	if !slices.Equal(c.steps, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(c.steps, "\n"), strings.Join(want, "\n"))
	}
}

func TestDeployIsRepeatable(t *testing.T) {
	c := newCloud(t)
	c.deployed()
	t.Run("nothing different changes nothing", func(t *testing.T) {
		result, err := c.deploy()
		if err != nil || result.Created || result.Changed || len(c.steps) > 0 || c.objects.uploads != 5 {
			t.Errorf("deploy again = %+v, %v, after %d uploads, told %q; want no change", result, err, c.objects.uploads, c.steps)
		}
		if result.Endpoint() == "" {
			t.Error("deploy again gives no endpoint")
		}
	})
	t.Run("a parameter stays until another is given", func(t *testing.T) {
		set := func(name, value string) func(*deploy.Options) {
			return func(o *deploy.Options) { o.Parameters = map[string]string{name: value} }
		}
		if result, err := c.deploy(set("FunctionLogDays", "30")); err != nil || !result.Changed {
			t.Fatalf("deploy with a parameter = %+v, %v, want a change", result, err)
		}
		if result, err := c.deploy(); err != nil || result.Changed {
			t.Errorf("deploy without it = %+v, %v, want no change: it stays", result, err)
		}
	})
	t.Run("so does the architecture", func(t *testing.T) {
		x86 := func(o *deploy.Options) { o.Arch = deploy.X8664 }
		if result, err := c.deploy(x86); err != nil || !result.Changed {
			t.Fatalf("deploy on x86_64 = %+v, %v, want a change", result, err)
		}
		if result, err := c.deploy(); err != nil || result.Changed {
			t.Errorf("deploy without an architecture = %+v, %v, want no change", result, err)
		}
	})
	t.Run("new code is uploaded, old code removed", func(t *testing.T) {
		newer := func(o *deploy.Options) { o.Functions = zips(t, "two") }
		if result, err := c.deploy(newer); err != nil || !result.Changed {
			t.Fatalf("deploy of new code = %+v, %v, want a change", result, err)
		}
		if len(c.objects.content) != 5 {
			t.Errorf("the bucket has %d objects, want those 5 that are in use", len(c.objects.content))
		}
	})
}

func TestDeployGoesOnWhereAFormerOneBrokeOff(t *testing.T) {
	t.Run("after a failure", func(t *testing.T) {
		c := newCloud(t)
		c.stacks.fail["CREATE ApiFunction"] = "Some failure"
		if _, err := c.deploy(); err == nil {
			t.Fatal("deploy succeeds, want the failure")
		}
		clear(c.stacks.fail)
		if result, err := c.deploy(); err != nil || !result.Created {
			t.Errorf("deploy after it = %+v, %v, want a new deployment", result, err)
		}
	})
	t.Run("while it still goes on", func(t *testing.T) {
		c := newCloud(t)
		c.deployed()
		for _, s := range c.stacks.stacks {
			c.stacks.begin(s, "UPDATE")
		}
		if _, err := c.deploy(); err != nil || c.said("the stack is UPDATE_IN_PROGRESS: waiting for that to end") != 0 {
			t.Errorf("deploy = %v, told %q; want it to wait first", err, c.steps)
		}
	})
	t.Run("from the ruins of a creation", func(t *testing.T) {
		c := newCloud(t)
		c.deployed()
		for _, s := range c.stacks.stacks {
			s.StackStatus = "ROLLBACK_COMPLETE"
		}
		if result, err := c.deploy(); err != nil || !result.Created {
			t.Errorf("deploy = %+v, %v, want the ruins removed and a new deployment", result, err)
		}
	})
	t.Run("not from a state that only a person can leave", func(t *testing.T) {
		c := newCloud(t)
		c.deployed()
		for _, s := range c.stacks.stacks {
			s.StackStatus = "UPDATE_ROLLBACK_FAILED"
		}
		_, err := c.deploy()
		if next := nextOf(t, err); !strings.Contains(next, "continue-update-rollback") {
			t.Errorf("deploy = %v, next %q; want the command that helps", err, next)
		}
	})
}

// The first failure counts: what failed after it was only cancelled.
func TestAFailureNamesTheFirstResourceItsReasonAndWhatToDo(t *testing.T) {
	tests := map[string]struct{ resource, reason, want, next string }{
		"a permission": {
			"Table", "User: arn:aws:iam::1:user/u is not authorized to perform: dynamodb:CreateTable",
			"cannot make packhorse: Table (AWS::Some::Table): User: arn:aws:iam::1:user/u is not authorized to perform: dynamodb:CreateTable",
			"the caller lacks that permission; docs/permissions.md lists those of whoever deploys",
		},
		"a small account": {
			"ApiFunction", "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [10].",
			"cannot make packhorse: ApiFunction (AWS::Some::ApiFunction): Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [10].",
			"this account's concurrency is too small to reserve of it: deploy with --parameter ReserveConcurrency=false",
		},
		"something in the way": {
			"ApiFunction", "packhorse-api already exists",
			"cannot make packhorse: ApiFunction (AWS::Some::ApiFunction): packhorse-api already exists",
			"something of that name is left of a former deployment, or belongs to something else: delete it, or deploy under another name with --deployment",
		},
		"anything else": {
			"ApiUrl", "Internal failure",
			"cannot make packhorse: ApiUrl (AWS::Some::ApiUrl): Internal failure",
			"put right what it says, then say it again; the events of the stack in the CloudFormation console tell more",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.stacks.fail["CREATE "+tt.resource] = tt.reason
			_, err := c.deploy()
			if err == nil || err.Error() != tt.want {
				t.Errorf("deploy = %v\nwant %s", err, tt.want)
			}
			if next := nextOf(t, err); next != tt.next {
				t.Errorf("next %q\nwant %q", next, tt.next)
			}
		})
	}
}

func TestAFailedUpdateIsAnError(t *testing.T) {
	c := newCloud(t)
	c.deployed()
	c.stacks.fail["UPDATE Table"] = "Too many"
	_, err := c.deploy(func(o *deploy.Options) { o.Functions = zips(t, "two") })
	if want := "cannot update packhorse: Table (AWS::Some::Table): Too many"; err == nil || err.Error() != want {
		t.Errorf("deploy = %v, want %s", err, want)
	}
	if len(c.objects.content) != 10 {
		t.Errorf("the bucket has %d objects, want the old code kept: the stack went back to it", len(c.objects.content))
	}
}

func TestDeployRefusesWhatCannotWork(t *testing.T) {
	tests := map[string]struct {
		change     func(*deploy.Options)
		want, next string
	}{
		"a name with capitals": {
			func(o *deploy.Options) { o.Name = "Packhorse" },
			`"Packhorse" is not the name of a deployment`,
			"use up to 32 small letters, digits and single hyphens, beginning with a letter",
		},
		"a name that is too long": {
			func(o *deploy.Options) { o.Name = strings.Repeat("n", 33) },
			`"` + strings.Repeat("n", 33) + `" is not the name of a deployment`,
			"use up to 32 small letters, digits and single hyphens, beginning with a letter",
		},
		"a parameter that is not there": {
			func(o *deploy.Options) { o.Parameters = map[string]string{"Colour": "red"} },
			`the template has no parameter "Colour" to set`,
			"use one of Alarms, FunctionLogDays, JobLogGroups, JobRolePath, JobRoles, NotifyEmail, PointInTimeRecovery, ReserveConcurrency, Running, TriggerBuckets",
		},
		"a value that is not one of the possible": {
			func(o *deploy.Options) { o.Parameters = map[string]string{"Running": "yes"} },
			`the parameter Running cannot be "yes"`, "give one of true, false",
		},
		"functions for another architecture": {
			func(o *deploy.Options) { o.Arch = "amd64" },
			`there is no architecture "amd64" of functions`, "give --arch arm64 or --arch x86_64",
		},
		"functions that were not built": {
			func(o *deploy.Options) {
				o.Functions = deploy.Folder{FS: zipsWithout(t, "pass-arm64.zip", "sweep-arm64.zip"), Name: "dist/functions"}
			},
			"there is no pass-arm64.zip, sweep-arm64.zip in dist/functions",
			"build the functions with `make functions`, or name their folder with --functions",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			_, err := c.deploy(tt.change)
			if err == nil || err.Error() != tt.want || nextOf(t, err) != tt.next {
				t.Errorf("deploy = %v\nwant %s\nnext %q", err, tt.want, tt.next)
			}
			if c.objects.name != "" || len(c.stacks.stacks) > 0 {
				t.Error("something was made before the mistake was told")
			}
		})
	}
}

// The name of the bucket can be guessed. Somebody who took it before must not get, or
// give, the code of our functions.
func TestDeployPutsNothingIntoABucketOfAnotherAccount(t *testing.T) {
	c := newCloud(t)
	c.objects.name, c.objects.owner, c.objects.content = "packhorse-artifacts-123456789012-eu-central-1", "666666666666", map[string][]byte{}
	_, err := c.deploy()
	if err == nil || !strings.Contains(err.Error(), "belongs to another account") || c.objects.uploads > 0 {
		t.Errorf("deploy = %v after %d uploads, want a refusal before the first", err, c.objects.uploads)
	}
}

func nextOf(t *testing.T, err error) string {
	t.Helper()
	var told *deploy.Error
	if !errors.As(err, &told) {
		t.Fatalf("%v is not a *deploy.Error", err)
	}
	return told.Next
}
