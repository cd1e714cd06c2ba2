package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/compute/local"
	"github.com/packhorse-batch/packhorse/internal/laptop"
)

// serveFlags are the flags of serve, as they are typed.
type serveFlags struct {
	laptop.Options
	runtime, accessKey, secretKey string
	demoSource                    string
	demo, verbose                 bool
	home                          string
	aws                           awsFlags
	accountGiven                  bool
}

// Defaults of a server.
const (
	defaultListen     = "127.0.0.1:4600"
	defaultRegion     = "us-east-1"
	defaultAccount    = "000000000000"
	defaultIdleWindow = 5 * time.Minute
)

func serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve AWS Batch on this machine",
		Long: `Serve AWS Batch on this machine, until Ctrl-C.

Jobs run in Docker containers where a Docker Engine answers, otherwise as plain
processes. Hosts of EC2, Spot and Fargate environments are imitated; what really runs
at once is bounded by this machine. Everything is kept in the data folder: started
again, the server goes on where it was, and takes up containers and processes that
went on without it.

On loopback any credentials pass. To serve another address give an access key, whose
callers sign with it: PACKHORSE_ACCESS_KEY_ID and PACKHORSE_SECRET_ACCESS_KEY, or
the flags.

Secrets of job definitions are read from the server's environment: a job's secret
DB_PASSWORD is the variable PACKHORSE_SECRET_DB_PASSWORD.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.accountGiven = cmd.Flags().Changed("account")
			return serve(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.Listen, "listen", defaultListen, "`address` to serve on")
	flags.StringVar(&f.Data, "data", defaultData(), "`folder` of all that is kept")
	flags.StringVar(&f.Account.Region, "region", defaultRegion, "AWS `region` shown in ARNs")
	flags.StringVar(&f.Account.ID, "account", defaultAccount, "AWS `account` of 12 digits shown in ARNs")
	flags.StringVar(&f.runtime, "runtime", string(local.Auto), "what runs jobs: auto, docker or process")
	flags.StringVar(&f.Network, "network", "bridge", "network of Docker containers: host, bridge or none")
	flags.DurationVar(&f.BootTime, "boot-time", 0, "how long an imitated host boots, such as 45s")
	flags.DurationVar(&f.IdleWindow, "idle-window", defaultIdleWindow, "how long a host without jobs stays")
	flags.IntVar(&f.MaxVCPUs, "max-vcpus", 0, "vCPUs of jobs that really run at once, also more than there are (default: the CPUs of this machine)")
	flags.Float64Var(&f.SpotInterruptionsPerHour, "spot-interruptions", 0, "how often per hour an imitated Spot host is taken away")
	flags.StringVar(&f.accessKey, "access-key-id", os.Getenv("PACKHORSE_ACCESS_KEY_ID"), "access key that callers sign with")
	flags.StringVar(&f.secretKey, "secret-access-key", "", "its secret (default $PACKHORSE_SECRET_ACCESS_KEY)")
	flags.StringVar(&f.EventToken, "event-token", "", "bearer `token` with which S3 events may come unsigned, as from MinIO, where callers need keys (default $PACKHORSE_EVENT_TOKEN)")
	flags.BoolVar(&f.demo, "demo", false, "on the first start, run the demo and show it")
	flags.StringVar(&f.demoSource, "demo-source", "", "`folder` of Go files for the demo to count (default: the Go toolchain's)")
	flags.BoolVar(&f.verbose, "verbose", false, "log more")
	flags.StringVar(&f.home, "home", homeLaptop, "where records, hosts and tasks are: laptop (here) or aws (DynamoDB, EC2 and ECS of an account)")
	flags.StringVar(&f.aws.endpoint, "endpoint-url", "", "with --home aws: ask AWS at this `URL`, such as moto's (also AWS_ENDPOINT_URL_<SERVICE> for one service)")
	flags.StringVar(&f.aws.settings.Table, "table", "packhorse", "with --home aws: `name` of the DynamoDB table; it is made if it is not there")
	flags.StringVar(&f.aws.settings.Deployment, "deployment", "packhorse", "with --home aws: `name` that tags all hosts and clusters")
	flags.StringVar(&f.aws.settings.InstanceProfile, "instance-profile", "ecsInstanceRole", "with --home aws: instance profile of hosts whose environment names none")
	flags.StringVar(&f.aws.settings.ExecutionRole, "execution-role", "", "with --home aws: `ARN` of the role that pulls images and writes logs, for tasks that name none")
	return c
}

// defaultData is the folder for data of programs (XDG base directory
// specification), or a folder here where there is no home.
func defaultData() string {
	if dir := os.Getenv("PACKHORSE_DATA"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "packhorse")
	}
	if dir, err := os.UserHomeDir(); err == nil {
		return filepath.Join(dir, ".local", "share", "packhorse")
	}
	return ".packhorse"
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
)

// options checks the flags.
func (f *serveFlags) options(stderr io.Writer) error {
	switch {
	case !accountPattern.MatchString(f.Account.ID):
		return fmt.Errorf("--account %q is not an AWS account id: give 12 digits", f.Account.ID)
	case f.home != "" && f.home != homeLaptop && f.home != homeAWS:
		return fmt.Errorf("--home %q is none: give %s or %s", f.home, homeLaptop, homeAWS)
	case f.home != homeAWS && f.aws.endpoint != "":
		return errors.New("--endpoint-url is for --home aws: leave it out, or give --home aws too")
	case !regionPattern.MatchString(f.Account.Region):
		return fmt.Errorf("--region %q is not an AWS region: give one such as us-east-1", f.Account.Region)
	case f.BootTime < 0:
		return fmt.Errorf("--boot-time %s is less than no time: give one such as 45s", f.BootTime)
	case f.IdleWindow < 0:
		return fmt.Errorf("--idle-window %s is less than no time: give one such as 60s", f.IdleWindow)
	case f.MaxVCPUs < 0:
		return fmt.Errorf("--max-vcpus %d is less than 0: leave it out for the CPUs of this machine", f.MaxVCPUs)
	case !(f.SpotInterruptionsPerHour >= 0) || math.IsInf(f.SpotInterruptionsPerHour, 1):
		return fmt.Errorf("--spot-interruptions %g is not a number of 0 or more: give how many come in an hour, such as 0.5", f.SpotInterruptionsPerHour)
	}
	if f.secretKey == "" {
		f.secretKey = os.Getenv("PACKHORSE_SECRET_ACCESS_KEY")
	}
	if f.EventToken == "" {
		f.EventToken = os.Getenv("PACKHORSE_EVENT_TOKEN")
	}
	if (f.accessKey == "") != (f.secretKey == "") {
		return errors.New("an access key needs both its id and its secret: give --access-key-id and --secret-access-key")
	}
	if f.accessKey != "" {
		f.Keys = map[string]string{f.accessKey: f.secretKey}
	}
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelDebug
	}
	f.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	f.Runtime = local.Mode(f.runtime)
	var err error
	f.Executable, err = os.Executable()
	return err
}

// serve runs the server until a signal.
func serve(ctx context.Context, f serveFlags, stdout, stderr io.Writer) error {
	if err := f.options(stderr); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.home == homeAWS {
		return serveAWS(ctx, f, stdout)
	}
	l, err := laptop.Open(ctx, f.Options)
	if err != nil {
		return err
	}
	ready, notReady := prepareDemo(ctx, l, f)
	if notReady != nil && !f.demo && ctx.Err() == nil {
		f.Log.Warn("the demo is not available", "error", notReady)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	greet(stdout, l, f)
	if f.demo {
		err := notReady
		if err == nil {
			err = firstDemo(ctx, l, f, ready, stdout, stderr)
		}
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(stderr, "packhorse: the demo failed:", err)
		}
	}
	return errors.Join(<-ran, l.Close())
}

// greet says where the server is and how to use it.
func greet(w io.Writer, l *laptop.Laptop, f serveFlags) {
	fmt.Fprintf(w, "Packhorse serves AWS Batch at http://%s (region %s, account %s).\n", l.Address, f.Account.Region, f.Account.ID)
	fmt.Fprintln(w, l.Chosen.Note)
	if l.First {
		fmt.Fprintln(w, "First start: made the compute environment \"local\" and the queue \"default\".")
	}
	fmt.Fprintf(w, "Data is kept in %s. Point a client here:\n\n", f.Data)
	id, secret := "any", "any"
	if f.accessKey != "" {
		id, secret = f.accessKey, "<its secret>"
	}
	fmt.Fprintf(w, "    export AWS_ENDPOINT_URL=http://%s AWS_REGION=%s AWS_DEFAULT_REGION=%s AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s\n",
		dialled(l.Address), f.Account.Region, f.Account.Region, id, secret)
	fmt.Fprintln(w, "    aws batch describe-job-queues")
	fmt.Fprintln(w, "\nCtrl-C stops the server; jobs that run go on and are taken up again.")
}

// dialled is an address that a client on this machine can dial: one of those that
// "0.0.0.0" and "[::]" stand for.
func dialled(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsUnspecified() {
		return address
	}
	return net.JoinHostPort("127.0.0.1", port)
}
