package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/internal/cli/strict"
)

// submitFlags describe a job to submit. submit and run share them.
type submitFlags struct {
	file, cliJSON string

	name, queue, definition, image string
	array                          int
	dependsOn                      []string
	params, env, tags              []string
	vcpus, memory                  string
	gpus                           int
	command                        string
	retries                        int
	timeout                        time.Duration
	share                          string
	priority                       int
}

func (f *submitFlags) add(a *App, cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVarP(&f.file, "file", "f", "", "take the job from this JSON or YAML file, - for standard input")
	fl.StringVar(&f.cliJSON, "cli-input-json", "", "the same as the AWS CLI has it: JSON text, file://PATH, or -")
	fl.StringVar(&f.name, "name", "", "name of the job (default: that of the definition or the image)")
	fl.StringVar(&f.queue, "queue", "", "queue to submit to (default: PACKHORSE_QUEUE, else the only enabled one)")
	fl.StringVar(&f.definition, "definition", "", "job definition: name, name:revision or ARN")
	fl.StringVar(&f.image, "image", "", "run this container image; a job definition is made for it, or used again")
	fl.IntVar(&f.array, "array", 0, "submit an array of this many jobs")
	fl.StringArrayVar(&f.dependsOn, "depends-on", nil, "job to wait for: ID, ID:N_TO_N or SEQUENTIAL (may be repeated)")
	fl.StringArrayVar(&f.params, "param", nil, "parameter for Ref::KEY in the command, KEY=VALUE (may be repeated)")
	fl.StringArrayVar(&f.env, "env", nil, "environment variable, KEY=VALUE, or KEY to pass on the value here (may be repeated)")
	fl.StringVar(&f.vcpus, "vcpus", "", "vCPUs, such as 4 or 0.25")
	fl.StringVar(&f.memory, "memory", "", "memory in MiB, or with a unit: 2048, 2GiB")
	fl.IntVar(&f.gpus, "gpus", 0, "GPUs")
	fl.StringVar(&f.command, "command", "", "command as one text, split at spaces, quotes respected; or give it after --")
	fl.IntVar(&f.retries, "retries", 0, "start the job again up to this many times when it fails (0 to 9)")
	fl.DurationVar(&f.timeout, "timeout", 0, "end an attempt that runs longer, such as 10m (at least 1m)")
	fl.StringVar(&f.share, "share", "", "share identifier, for queues with fair share")
	fl.IntVar(&f.priority, "priority", 0, "scheduling priority within the share (0 to 9999)")
	fl.StringArrayVar(&f.tags, "tag", nil, "tag of the job, KEY=VALUE (may be repeated)")
	a.complete(cmd, "queue", a.completeQueues)
	a.complete(cmd, "definition", a.completeDefinitions)
	a.complete(cmd, "depends-on", a.completeJobs)
}

// request makes the SubmitJob request: what the file says, changed by what the flags
// say, with the words after -- as the command. The queue, the name and the definition
// may still be missing; see App.finish.
func (f *submitFlags) request(a *App, cmd *cobra.Command, words []string) (*batch.SubmitJobInput, error) {
	in := &batch.SubmitJobInput{}
	if err := f.read(a, in); err != nil {
		return nil, err
	}
	given := cmd.Flags().Changed
	for _, s := range []struct {
		value string
		into  **string
	}{{f.name, &in.JobName}, {f.queue, &in.JobQueue}, {f.definition, &in.JobDefinition}, {f.share, &in.ShareIdentifier}} {
		if s.value != "" {
			*s.into = aws.String(s.value)
		}
	}
	if f.image != "" && aws.ToString(in.JobDefinition) != "" {
		return nil, usage("--image and a job definition exclude each other").hint("leave one of them out")
	}
	if given("array") {
		if f.array < 2 || f.array > maxArray {
			return nil, usage("--array %d: an array has 2 to %d jobs", f.array, maxArray)
		}
		in.ArrayProperties = &types.ArrayProperties{Size: aws.Int32(int32(f.array))}
	}
	for _, d := range f.dependsOn {
		in.DependsOn = append(in.DependsOn, parseDependency(d))
	}
	if given("retries") {
		if f.retries < 0 || f.retries > maxAttempts-1 {
			return nil, usage("--retries %d is not between 0 and %d", f.retries, maxAttempts-1)
		}
		if in.RetryStrategy == nil {
			in.RetryStrategy = &types.RetryStrategy{}
		}
		in.RetryStrategy.Attempts = aws.Int32(int32(f.retries) + 1)
	}
	if given("timeout") {
		if f.timeout < minTimeout {
			return nil, usage("--timeout %s is less than the shortest one, %s", f.timeout, minTimeout)
		}
		in.Timeout = &types.JobTimeout{AttemptDurationSeconds: aws.Int32(int32(f.timeout / time.Second))}
	}
	if given("priority") {
		if f.priority < 0 || f.priority > maxPriority {
			return nil, usage("--priority %d is not between 0 and %d", f.priority, maxPriority)
		}
		in.SchedulingPriorityOverride = aws.Int32(int32(f.priority))
	}
	for _, m := range []struct {
		flag   string
		values []string
		into   *map[string]string
	}{{"param", f.params, &in.Parameters}, {"tag", f.tags, &in.Tags}} {
		for _, kv := range m.values {
			k, v, ok := strings.Cut(kv, "=")
			if !ok || k == "" {
				return nil, usage("--%s %s is not KEY=VALUE", m.flag, quote(kv))
			}
			if *m.into == nil {
				*m.into = map[string]string{}
			}
			(*m.into)[k] = v
		}
	}
	if err := f.overrides(a, in, given, words); err != nil {
		return nil, err
	}
	return in, nil
}

// The limits of the service that are worth checking before asking it.
const (
	maxArray    = 10_000
	maxAttempts = 10
	maxPriority = 9999
	minTimeout  = time.Minute
)

// overrides puts the flags about the container into in.
func (f *submitFlags) overrides(a *App, in *batch.SubmitJobInput, given func(string) bool, words []string) error {
	o := in.ContainerOverrides
	if o == nil {
		o = &types.ContainerOverrides{}
	}
	switch {
	case len(words) > 0 && f.command != "":
		return usage("the command is given twice, by --command and after --").hint("leave one of them out")
	case len(words) > 0:
		o.Command = words
	case f.command != "":
		split, err := splitWords(f.command)
		if err != nil {
			return usage("--command %s: %s", quote(f.command), err)
		}
		o.Command = split
	}
	for _, kv := range f.env {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			v = a.Env(k)
		}
		if k == "" {
			return usage("--env %s is not KEY=VALUE", quote(kv))
		}
		setVariable(&o.Environment, k, v)
	}
	if f.vcpus != "" {
		if n, err := strconv.ParseFloat(f.vcpus, 64); err != nil || !(n > 0) {
			return usage("--vcpus %s is not a number of vCPUs", quote(f.vcpus))
		}
		setRequirement(&o.ResourceRequirements, types.ResourceTypeVcpu, f.vcpus)
	}
	if f.memory != "" {
		mib, err := parseMiB(f.memory)
		if err != nil {
			return err
		}
		setRequirement(&o.ResourceRequirements, types.ResourceTypeMemory, strconv.Itoa(mib))
	}
	if given("gpus") {
		if f.gpus < 1 {
			return usage("--gpus must be at least 1")
		}
		setRequirement(&o.ResourceRequirements, types.ResourceTypeGpu, strconv.Itoa(f.gpus))
	}
	if in.ContainerOverrides != nil || o.Command != nil || o.Environment != nil || o.ResourceRequirements != nil {
		in.ContainerOverrides = o
	}
	return nil
}

// read fills in from the file or text that the flags name.
func (f *submitFlags) read(a *App, in *batch.SubmitJobInput) error {
	if f.file != "" && f.cliJSON != "" {
		return usage("--file and --cli-input-json exclude each other")
	}
	var name string
	var data []byte
	var err error
	switch arg := firstOf(f.file, f.cliJSON); {
	case arg == "":
		return nil
	case f.cliJSON != "" && strings.HasPrefix(strings.TrimSpace(arg), "{"):
		name, data = "--cli-input-json", []byte(arg)
	default:
		name, data, err = a.readFile(strings.TrimPrefix(arg, "file://"))
	}
	if err != nil {
		return err
	}
	if err := strict.Decode(data, in); err != nil {
		return usage("%s: %s", name, err).hint("write it as the AWS CLI takes it: `aws batch submit-job --generate-cli-skeleton` shows all keys")
	}
	return nil
}

// maxInput bounds a file of input: far above what the service takes in one request.
const maxInput = 16 << 20

// readFile reads a file, or standard input for "-". name is what to call it in errors.
func (a *App) readFile(path string) (name string, data []byte, err error) {
	if path == "-" {
		name = "standard input"
		data, err = io.ReadAll(io.LimitReader(a.In, maxInput+1))
	} else {
		name = path
		var file *os.File
		if file, err = os.Open(path); err == nil {
			defer file.Close()
			data, err = io.ReadAll(io.LimitReader(file, maxInput+1))
		}
	}
	var at *os.PathError
	switch {
	case errors.As(err, &at):
		return name, nil, usage("cannot read %s: %s", name, at.Err)
	case err != nil:
		return name, nil, usage("cannot read %s: %s", name, err)
	case len(data) > maxInput:
		return name, nil, usage("%s is larger than %d MiB", name, maxInput>>20)
	}
	return name, data, nil
}

// parseDependency reads ID, ID:N_TO_N, ID:SEQUENTIAL or SEQUENTIAL. The id of an array
// child has a colon too, with a number behind it: that is no type.
func parseDependency(s string) types.JobDependency {
	if isDependencyType(s) {
		return types.JobDependency{Type: types.ArrayJobDependency(strings.ToUpper(s))}
	}
	if i := strings.LastIndexByte(s, ':'); i >= 0 && isDependencyType(s[i+1:]) {
		return types.JobDependency{JobId: aws.String(shortName(s[:i])), Type: types.ArrayJobDependency(strings.ToUpper(s[i+1:]))}
	}
	return types.JobDependency{JobId: aws.String(shortName(s))}
}

func isDependencyType(s string) bool {
	return strings.EqualFold(s, string(types.ArrayJobDependencyNToN)) || strings.EqualFold(s, string(types.ArrayJobDependencySequential))
}

func setVariable(list *[]types.KeyValuePair, name, value string) {
	for i := range *list {
		if aws.ToString((*list)[i].Name) == name {
			(*list)[i].Value = aws.String(value)
			return
		}
	}
	*list = append(*list, types.KeyValuePair{Name: aws.String(name), Value: aws.String(value)})
}

func setRequirement(list *[]types.ResourceRequirement, kind types.ResourceType, value string) {
	for i := range *list {
		if (*list)[i].Type == kind {
			(*list)[i].Value = aws.String(value)
			return
		}
	}
	*list = append(*list, types.ResourceRequirement{Type: kind, Value: aws.String(value)})
}

// splitWords splits a command line as a shell does with spaces and quotes, and does
// nothing else that a shell does.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	begun := false
	quoted := rune(0)
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quoted != '\'':
			escaped, begun = true, true
		case quoted != 0 && r == quoted:
			quoted = 0
		case quoted != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quoted, begun = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	switch {
	case quoted != 0:
		return nil, fmt.Errorf("a quote %c is not closed", quoted)
	case escaped:
		return nil, fmt.Errorf("it ends with a backslash")
	case begun:
		words = append(words, word.String())
	}
	return words, nil
}

var notName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// maxName is the length of a job's or a definition's name.
const maxName = 128

// asName makes a name that the service takes out of any text, say of an image:
// "docker.io/biocontainers/bwa:0.7" becomes "bwa-0-7".
func asName(text string) string {
	text = text[strings.LastIndexByte(text, '/')+1:]
	if name, _, ok := strings.Cut(text, "@"); ok { // a digest says nothing to a reader
		text = name
	}
	text = strings.Trim(notName.ReplaceAllString(text, "-"), "-_")
	if len(text) > maxName {
		text = text[:maxName]
	}
	return firstOf(text, "job")
}
