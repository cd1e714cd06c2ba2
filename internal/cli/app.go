package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/internal/deploy"
	"github.com/packhorse-batch/packhorse/internal/pause"
)

// App is what the commands share: the streams, the clock and the way to wait. Tests
// put their own in; the zero value of a field is not usable, see NewApp.
type App struct {
	In  io.Reader
	Out Stream // answers
	Err Stream // progress, notes, errors

	Env  func(string) string // os.Getenv
	Now  func() time.Time
	Zone *time.Location // in which times are shown to people

	// Pause waits d between two looks at the server, or until ctx ends.
	Pause func(ctx context.Context, d time.Duration) error
	// Interrupts starts to catch Ctrl-C and SIGTERM; stop gives them back.
	Interrupts func() (signals <-chan os.Signal, stop func())

	// Account opens an AWS account for the commands that deploy; nil leaves them out.
	Account func(aws.Config) *deploy.Account

	flags  connectionFlags
	client *client // made by the first command that needs it
}

// NewApp returns the App of a process: its streams, its environment, real time.
func NewApp() *App {
	return &App{
		In:         os.Stdin,
		Out:        fileStream(os.Stdout, os.Getenv),
		Err:        fileStream(os.Stderr, os.Getenv),
		Env:        os.Getenv,
		Now:        time.Now,
		Zone:       time.Local,
		Pause:      pause.For,
		Interrupts: catchInterrupts,
	}
}

func catchInterrupts() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

// The groups of commands in the help text.
const (
	groupJobs     = "jobs"
	groupCapacity = "capacity"
	groupAccount  = "account"
	groupServer   = "server"
)

// Main runs the command line args (without the program's name) and returns the exit
// code. The commands in more are those that are not clients, such as serve; they are
// shown in a group of their own, and their errors are printed like all others.
func Main(args []string, more ...*cobra.Command) int {
	app := NewApp()
	return app.Run(context.Background(), args, more...)
}

// Run is Main for an App of the caller's making.
func (a *App) Run(ctx context.Context, args []string, more ...*cobra.Command) int {
	root := a.root()
	if len(more) > 0 {
		root.AddGroup(&cobra.Group{ID: groupServer, Title: "Server:"})
		for _, c := range more {
			if c.GroupID == "" {
				c.GroupID = groupServer
			}
			root.AddCommand(c)
		}
	}
	root.SetArgs(args)
	ran, err := root.ExecuteContextC(ctx)
	return a.report(ran, err)
}

func (a *App) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "packhorse",
		Short: "Run batch jobs as AWS Batch does, on capacity of your own",
		Long: `Packhorse runs batch jobs as AWS Batch does, on capacity of your own.

The server is found by --endpoint, PACKHORSE_ENDPOINT, AWS_ENDPOINT_URL_BATCH, or
` + DefaultEndpoint + `; the word "aws" means AWS itself.

A JOB is named by its id or ARN; by the beginning or the end of its id, or by its name,
where that means only one of the jobs that "jobs" shows; as ARRAY:INDEX, one of an array.

Exit codes: 0 it worked, 1 it failed, 2 the command line or a file is wrong;
"run" exits with the code of the job's container, or 130 when interrupted.`,
		Version:           version(),
		SilenceErrors:     true, // report prints them, once and with the next step
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true}, // completion.go has ours
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(
		&cobra.Group{ID: groupJobs, Title: "Jobs:"},
		&cobra.Group{ID: groupCapacity, Title: "Queues, environments, definitions, triggers:"},
	)
	a.flags.add(root)

	for _, c := range []*cobra.Command{
		a.submitCommand(), a.runCommand(), a.jobsCommand(), a.describeCommand(), a.logsCommand(),
		a.explainCommand(), a.waitCommand(), a.cancelCommand(), a.terminateCommand(),
	} {
		c.GroupID = groupJobs
		root.AddCommand(c)
	}
	for _, c := range []*cobra.Command{
		a.queuesCommand(), a.environmentsCommand(), a.definitionsCommand(), a.applyCommand(), a.triggersCommand(),
		a.planCommand(), a.typesCommand(),
	} {
		c.GroupID = groupCapacity
		root.AddCommand(c)
	}
	if a.Account != nil {
		root.AddGroup(&cobra.Group{ID: groupAccount, Title: "In an AWS account:"})
		for _, c := range a.accountCommands() {
			c.GroupID = groupAccount
			root.AddCommand(c)
		}
	}
	root.AddCommand(a.completionCommand())
	return root
}

// version is what the build recorded about itself: a module version, else the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "commit " + s.Value[:12]
		}
	}
	return "development build"
}
