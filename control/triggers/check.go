package triggers

import (
	"context"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/packhorse-batch/packhorse/batch"
	"github.com/packhorse-batch/packhorse/control/jobs"
	"github.com/packhorse-batch/packhorse/internal/wire"
	"github.com/packhorse-batch/packhorse/store"
)

var (
	namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	// bucketPattern takes what S3 takes today (3 to 63 lower-case letters, digits, dots
	// and hyphens), and what it took in us-east-1 before 2018 (S3 user guide, "General
	// purpose bucket naming rules").
	bucketPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{3,255}$`)
)

// maxKey is the longest key of an object, in bytes (S3 user guide, "Naming Amazon S3
// objects").
const maxKey = 1024

// maxRule bounds a rule, in bytes of its JSON: all are held against each event.
const maxRule = 32 << 10

// maxShare is the longest share identifier.
const maxShare = 255

// check returns a rule as it is kept, or says which field is wrong.
func (t *Triggers) check(ctx context.Context, rule batch.Trigger) (batch.Trigger, error) {
	if err := checkFilter(&rule); err != nil {
		return rule, err
	}
	if err := checkTemplates(rule); err != nil {
		return rule, err
	}
	// What is empty is kept as nothing, so that equal rules are equal when read again.
	if len(rule.Parameters) == 0 {
		rule.Parameters = nil
	}
	if len(rule.Environment) == 0 {
		rule.Environment = nil
	}
	if len(rule.Command) == 0 {
		rule.Command = nil
	}
	if len(rule.Tags) == 0 {
		rule.Tags = nil
	}
	if data, err := wire.Marshal(rule); err != nil || len(data) > maxRule {
		return rule, refuse(fmt.Sprintf("the trigger has %d KiB, more than %d", len(data)>>10, maxRule>>10), "put more into a file that the job reads")
	}
	return rule, t.checkTarget(ctx, rule)
}

// checkFilter checks the name and what says which events count.
func checkFilter(rule *batch.Trigger) error {
	switch {
	case rule.Name == "":
		return refuse("name must be specified", "give the trigger a name")
	case !namePattern.MatchString(rule.Name):
		return refuse(fmt.Sprintf("name %q is not valid", rule.Name), "use 1 to 64 letters, digits, hyphens and underscores, the first a letter or a digit")
	case rule.Bucket == "":
		return refuse("bucket must be specified", "name the bucket whose objects make jobs")
	case strings.HasPrefix(rule.Bucket, "s3://") || strings.HasPrefix(rule.Bucket, "arn:"):
		return refuse(fmt.Sprintf("bucket %q is not the name of a bucket", rule.Bucket), "give its name alone, such as my-bucket; the beginning of keys goes into prefix")
	case !bucketPattern.MatchString(rule.Bucket):
		return refuse(fmt.Sprintf("bucket %q is not the name of a bucket", rule.Bucket), "use the 3 to 63 lower-case letters, digits, dots and hyphens of its name")
	}
	for _, f := range []struct{ field, value string }{{"prefix", rule.Prefix}, {"suffix", rule.Suffix}} {
		switch {
		case len(f.value) > maxKey:
			return refuse(fmt.Sprintf("%s has %d bytes, more than the %d of the longest key", f.field, len(f.value), maxKey), "shorten it")
		case !utf8.ValidString(f.value) || strings.ContainsRune(f.value, 0):
			return refuse(fmt.Sprintf("%s %q is not UTF-8 text without zero bytes", f.field, f.value), "write it as keys are written")
		case strings.HasPrefix(f.value, "s3://"):
			return refuse(fmt.Sprintf("%s %q is no part of a key", f.field, f.value), "leave out s3:// and the bucket")
		}
	}
	var err error
	rule.Events, err = checkKinds(rule.Events)
	return err
}

// sample is an event with which a rule is tried out before it is kept.
var sample = batch.S3Event{
	Kind: "s3:ObjectCreated:Put", Bucket: "bucket", Key: "key", Version: "1", Size: new(int64(1)), ETag: "d41d8cd98f00b204e9800998ecf8427e",
}

// checkTemplates checks what the object is put into.
func checkTemplates(rule batch.Trigger) error {
	for _, name := range slices.Sorted(maps.Keys(rule.Parameters)) {
		if name == "" {
			return refuse("parameters has a member without a name", "name it as the command of the job definition does, Ref::name")
		}
		if _, err := within("parameters."+name, rule.Parameters[name], sample); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for i, v := range rule.Environment {
		name := deref(v.Name)
		switch {
		case name == "":
			return refuse(fmt.Sprintf("environment[%d] has no name", i), "name the variable")
		case strings.ContainsAny(name, "=\x00"):
			return refuse(fmt.Sprintf("environment[%d]: the name %q has a character that names of variables cannot have", i, name), "leave out = and zero bytes")
		case strings.HasPrefix(name, "AWS_BATCH"):
			return refuse(fmt.Sprintf("environment[%d]: %s starts with AWS_BATCH, which is reserved", i, name), "choose another name")
		case seen[name]:
			return refuse(fmt.Sprintf("environment[%d]: %s is given twice", i, name), "leave out one of them")
		}
		seen[name] = true
		if _, err := within("environment."+name, deref(v.Value), sample); err != nil {
			return err
		}
	}
	if err := checkCommand(rule.Command); err != nil {
		return err
	}
	tags := map[string]string{tagTrigger: "", tagObject: ""}
	for name, value := range rule.Tags {
		if _, ours := tags[name]; ours && (name == tagTrigger || name == tagObject) {
			return refuse(fmt.Sprintf("tags: %s is set by the trigger itself", name), "choose another key")
		}
		tags[name] = value
	}
	if err := batch.CheckTags(tags); err != nil {
		return inField("tags", err)
	}
	return nil
}

// shells are programs that run the word behind -c as a script.
var shells = []string{"sh", "bash", "dash", "ash", "zsh", "ksh"}

// scriptFlag is -c, alone or behind other flags of one letter.
var scriptFlag = regexp.MustCompile(`^-[a-z]*c$`)

// hasKey reports whether a template puts in an object's key.
func hasKey(template string) bool {
	const mark = "\x01" // no template has it by chance
	text, err := substitute(template, batch.S3Event{Key: mark})
	return err == nil && strings.Contains(text, mark)
}

// checkCommand checks the words of a command. It refuses to put a key into a shell's
// script: whoever may put an object into the bucket chooses its name, and the shell
// would run it.
func checkCommand(command []string) error {
	shell := len(command) > 0 && slices.Contains(shells, path.Base(command[0]))
	for i, word := range command {
		field := fmt.Sprintf("command[%d]", i)
		if word == "" {
			return refuse(field+" is empty", "leave it out")
		}
		if _, err := within(field, word, sample); err != nil {
			return err
		}
		if shell && i > 1 && scriptFlag.MatchString(command[i-1]) && hasKey(word) {
			return refuse(field+" puts {key} into a shell script, and the shell would run what an object's name says",
				`put KEY={key} into environment, and write "$KEY" in the script`)
		}
	}
	return nil
}

// checkTarget checks that there is what the rule submits to, and that its submissions
// fit: what would refuse each of them refuses the rule.
func (t *Triggers) checkTarget(ctx context.Context, rule batch.Trigger) error {
	if rule.JobQueue == "" {
		return refuse("jobQueue must be specified", "name the queue that the jobs go to")
	}
	queue, err := t.cfg.Records.ViewQueue(ctx, batch.NameOf("job-queue", rule.JobQueue))
	switch {
	case store.IsNotFound(err):
		return refuse(fmt.Sprintf("jobQueue %q does not exist", rule.JobQueue), "create it with CreateJobQueue, or name one that DescribeJobQueues lists")
	case err != nil:
		return err
	case queue.FairShare() && rule.ShareIdentifier == "":
		return refuse("shareIdentifier must be specified", "queue "+queue.Name()+" shares by it: name the share that the jobs count for")
	case !queue.FairShare() && rule.ShareIdentifier != "":
		return refuse("shareIdentifier is for queues with a fair-share policy, which "+queue.Name()+" does not have", "leave it out, or name another queue")
	case len(rule.ShareIdentifier) > maxShare:
		return refuse(fmt.Sprintf("shareIdentifier has more than %d characters", maxShare), "shorten it")
	}
	if rule.ShareIdentifier != "" {
		if err := batch.CheckShare(rule.ShareIdentifier); err != nil {
			return inField("shareIdentifier", err)
		}
	}
	definition, err := t.definition(ctx, rule.JobDefinition)
	if err != nil {
		return err
	}
	in, err := request(rule, sample)
	if err != nil {
		return err
	}
	if _, err := batch.Merge(&definition.Detail, in); err != nil {
		return inField("jobDefinition "+rule.JobDefinition+" does not go with the rest", err)
	}
	return nil
}

// definition returns the definition that a rule means now.
func (t *Triggers) definition(ctx context.Context, ref string) (store.Definition, error) {
	if ref == "" {
		return store.Definition{}, refuse("jobDefinition must be specified", "name the definition of the jobs: name, name:revision or an ARN")
	}
	name, revision, err := jobs.SplitDefinition(ref)
	if err != nil {
		return store.Definition{}, inField("jobDefinition", err)
	}
	var d store.Definition
	if revision == 0 {
		d, err = t.cfg.Records.ViewLatest(ctx, name)
	} else {
		d, err = t.cfg.Records.ViewDefinition(ctx, name, revision)
	}
	if store.IsNotFound(err) || err == nil && !d.Active() {
		return d, refuse(fmt.Sprintf("jobDefinition %q does not exist or is not ACTIVE", ref), "register it with RegisterJobDefinition, or name one that DescribeJobDefinitions lists")
	}
	return d, err
}
