package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/internal/deploy"
)

// defaultDeployment is the name of a deployment where none is given.
const defaultDeployment = "packhorse"

// deploymentFlags say which deployment, and where AWS is. They are flags of the commands
// that care for a deployment in an AWS account; --region and --profile are everybody's.
type deploymentFlags struct {
	name     string
	endpoint string
}

func (f *deploymentFlags) add(cmd *cobra.Command) {
	p := cmd.PersistentFlags()
	p.StringVar(&f.name, "deployment", defaultDeployment, "`name` of the deployment, which is that of its stack")
	p.StringVar(&f.endpoint, "endpoint-url", "", "`address` of something that stands in for AWS (default $AWS_ENDPOINT_URL)")
}

// accountCommands are the commands that care for a deployment.
func (a *App) accountCommands() []*cobra.Command {
	return []*cobra.Command{a.deployCommand(), a.statusCommand(), a.destroyCommand(), a.keysCommand()}
}

// account opens the AWS account that the flags and the SDK's usual places name.
func (a *App) account(ctx context.Context, f deploymentFlags) (*deploy.Account, error) {
	if err := deploy.CheckName(f.name); err != nil {
		return nil, accountError(err)
	}
	var options []func(*config.LoadOptions) error
	if a.flags.profile != "" {
		options = append(options, config.WithSharedConfigProfile(a.flags.profile))
	}
	if a.flags.region != "" {
		options = append(options, config.WithRegion(a.flags.region))
	}
	if address := firstOf(f.endpoint, a.Env("AWS_ENDPOINT_URL")); address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return nil, usage("--endpoint-url %s is not an address", quote(address)).hint("give one such as http://127.0.0.1:5000")
		}
		options = append(options, config.WithBaseEndpoint(address))
		if loopback(u.Hostname()) && a.flags.profile == "" && !namesCredentials(a.Env) {
			// What stands in for AWS on this machine takes any; the true ones stay at home.
			options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("packhorse", "packhorse", "")))
		}
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, usage("which region?").hint("give --region, such as eu-central-1, or set AWS_REGION")
	}
	return a.Account(cfg), nil
}

// accountError puts an error of package deploy into our own form.
func accountError(err error) error {
	var theirs *deploy.Error
	if !errors.As(err, &theirs) {
		return err
	}
	return &Error{Message: oneLine(theirs.Message), Next: theirs.Next, Err: err}
}

// errInterrupted is why a change was left alone.
var errInterrupted = errors.New("interrupted")

// untilInterrupted runs change with a context that ends with Ctrl-C. What AWS has begun
// goes on by itself, and saying the command again follows it.
func (a *App) untilInterrupted(ctx context.Context, change func(context.Context) error) error {
	signals, stop := a.Interrupts()
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-signals:
			cancel(errInterrupted)
		case <-ctx.Done():
		}
	}()
	err := change(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) {
		return &Error{
			Message: "interrupted; what AWS has begun goes on by itself", Exit: ExitInterrupted, Err: errInterrupted,
			Next: "say the command again: it goes on from there",
		}
	}
	return accountError(err)
}

// progress shows events of a change: on a terminal as one line that changes, elsewhere
// as a line for each resource that is ready; failures and steps in words always stay.
func (a *App) progress() (show deploy.Progress, done func()) {
	line := &live{out: a.Err}
	return func(e deploy.Event) {
		switch {
		case e.Text != "":
			line.say("%s", e.Text)
		case e.Failed():
			line.say("%s %s (%s): %s", a.Err.paint(red, e.Status), e.Resource, e.Type, oneLine(e.Reason))
		case a.Err.Terminal:
			done := fmt.Sprintf("%d done", e.Ready)
			if e.Most > 0 {
				done = fmt.Sprintf("%s %d of at most %d", bar(e.Ready, e.Most, 20), e.Ready, e.Most)
			}
			line.set(done + "  " + e.Status + " " + e.Resource)
		case e.Complete():
			line.say("%s %s (%s)", e.Status, e.Resource, e.Type)
		}
	}, line.clear
}

// folder is a folder of the machine as deploy reads it; it need not exist.
func folder(path string) (deploy.Folder, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return deploy.Folder{}, usage("there is no folder %s with the zipped functions", quote(path)).
			hint("build them with `make functions`, or name their folder with --functions")
	case !info.IsDir():
		return deploy.Folder{}, usage("--functions %s is not a folder", quote(path))
	}
	return deploy.Folder{FS: os.DirFS(path), Name: path}, nil
}
