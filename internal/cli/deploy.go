package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/infra"
	"github.com/packhorse-batch/packhorse/internal/deploy"
)

// deployFlags are the flags of deploy, as they are typed.
type deployFlags struct {
	deploymentFlags
	functions, arch, email string
	parameters             []string
	jobLogDays             int32
	template               string
	printTemplate          bool
}

func (a *App) deployCommand() *cobra.Command {
	var f deployFlags
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Deploy Packhorse into an AWS account, or bring a deployment up to date",
		Long: `Deploy Packhorse into the AWS account of the credentials: a CloudFormation stack of
one table, five functions and their roles. It costs next to nothing while no job runs.
Said again it changes what is different, and goes on after a failure.

The functions are taken from dist/functions, where ` + "`make functions`" + ` leaves them. What is
not said stays as it is; the parameters of the template are

` + parameterHelp(),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.printTemplate {
				_, err := fmt.Fprint(a.Out, infra.Template())
				return err
			}
			return a.runDeploy(cmd.Context(), f)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.functions, "functions", "", "`folder` of the zipped functions (default dist/functions, here or beside the program)")
	flags.StringVar(&f.arch, "arch", "", "what the functions run on: arm64 or x86_64 (default: as it is, at first arm64)")
	flags.StringArrayVar(&f.parameters, "parameter", nil, "`NAME=VALUE` of the template; may be said several times")
	flags.StringVar(&f.email, "email", "", "`address` that alarms are sent to, short for --parameter NotifyEmail=")
	flags.Int32Var(&f.jobLogDays, "job-log-days", 0, "how long lines of jobs are kept, if their log group is made now (default 30)")
	flags.StringVar(&f.template, "template", "", "`file` to deploy instead of the template of this program, which --print-template shows")
	flags.BoolVar(&f.printTemplate, "print-template", false, "print the template and do nothing")
	return cmd
}

// parameterHelp lists the parameters that can be set.
func parameterHelp() string {
	var list facts
	for _, p := range infra.Parameters() {
		if p.Default != nil && p.Name != "Architecture" {
			list.add(p.Name, fill(p.Description, 60))
		}
	}
	return list.text("  ")
}

// fill breaks text into lines of at most width characters, at spaces.
func fill(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// logDays are the times that CloudWatch Logs may keep lines for (PutRetentionPolicy in its
// API reference).
var logDays = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

func (f deployFlags) options() (deploy.Options, error) {
	o := deploy.Options{Name: f.name, Arch: f.arch, Parameters: map[string]string{}, JobLogDays: f.jobLogDays}
	if f.jobLogDays != 0 && !slices.Contains(logDays, f.jobLogDays) {
		return o, usage("--job-log-days %d is no time that CloudWatch Logs keeps lines for", f.jobLogDays).
			hint("give one of %s", strings.Trim(strings.Join(strings.Fields(fmt.Sprint(logDays)), ", "), "[]"))
	}
	for _, p := range f.parameters {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return o, usage("--parameter %s is not NAME=VALUE", quote(p))
		}
		o.Parameters[name] = value
	}
	if f.email != "" {
		o.Parameters["NotifyEmail"] = f.email
	}
	if err := deploy.CheckParameters(o.Parameters); err != nil {
		return o, accountError(err)
	}
	var err error
	o.Functions, err = folder(f.folder())
	return o, err
}

// folder is where the zipped functions are.
func (f deployFlags) folder() string {
	if f.functions != "" {
		return f.functions
	}
	here := filepath.Join("dist", "functions")
	if _, err := os.Stat(here); err == nil {
		return here
	}
	if program, err := os.Executable(); err == nil {
		// bin/packhorse, with dist beside bin, as in a checkout; or an unpacked release.
		for _, base := range []string{filepath.Dir(filepath.Dir(program)), filepath.Dir(program)} {
			if there := filepath.Join(base, here); exists(there) {
				return there
			}
		}
	}
	return here
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (a *App) runDeploy(ctx context.Context, f deployFlags) error {
	options, err := f.options()
	if err != nil {
		return err
	}
	account, err := a.account(ctx, f.deploymentFlags)
	if err != nil {
		return err
	}
	if f.template != "" {
		text, err := os.ReadFile(f.template)
		if err != nil {
			return usage("cannot read the template: %s", err)
		}
		account.Template = string(text)
	}
	var result deploy.Result
	show, done := a.progress()
	err = a.untilInterrupted(ctx, func(ctx context.Context) error {
		result, err = account.Deploy(ctx, options, show)
		return err
	})
	done()
	if err != nil {
		return err
	}
	word := "is as it was"
	switch {
	case result.Created:
		word = "is deployed"
	case result.Changed:
		word = "is changed"
	}
	fmt.Fprintf(a.Err, "%s %s in %s.\n", f.name, word, account.Region)
	fmt.Fprintln(a.Out, result.Endpoint())
	if result.Created {
		fmt.Fprintf(a.Err, "%s make an access key with `packhorse keys create%s`\n", a.Err.paint(bold, "next:"), deploymentArgs(f.name, account.Region))
	}
	return nil
}

// deploymentArgs are the flags that name a deployment in a command line to type.
func deploymentArgs(name, region string) string {
	args := ""
	if name != defaultDeployment {
		args += " --deployment " + name
	}
	return args + " --region " + region
}
