package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/compute/local"
	"github.com/packhorse-batch/packhorse/internal/cli"
	"github.com/packhorse-batch/packhorse/internal/demo"
	"github.com/packhorse-batch/packhorse/internal/demo/play"
	"github.com/packhorse-batch/packhorse/internal/demo/stage"
	"github.com/packhorse-batch/packhorse/internal/home"
	"github.com/packhorse-batch/packhorse/internal/laptop"
	"github.com/packhorse-batch/packhorse/internal/pause"
)

func demoCommand() *cobra.Command {
	var source, queue string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run the demo on a server of this machine, and show it",
		Long: `Run the demo on a server of this machine, show it to its end, and print its result:
an array job counts the identifiers in the source tree of the Go toolchain, a second
job that depends on it adds the counts up, and a third fails once and is tried again.

The jobs use what ` + "`packhorse serve`" + ` prepares when it starts: the definitions
demo-count, demo-merge and demo-flaky, and an image with this program in it where jobs
run in containers. On a machine without Go the demo counts its own few source files,
and says so.

Ctrl-C leaves the jobs alone.`,
		Example: `  packhorse demo
  packhorse demo --source ~/src/my-project`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd, source, queue) },
	}
	c.Flags().StringVar(&source, "source", "", "another `folder` with Go files to count, on the server's machine; "+demo.BuiltIn+" for the demo's own")
	c.Flags().StringVar(&queue, "queue", home.FirstQueue, "job `queue`")
	return c
}

// runDemo is the demo command.
func runDemo(cmd *cobra.Command, source, queue string) error {
	server, err := serverOf(cmd)
	if err != nil {
		return err
	}
	if source != "" && source != demo.BuiltIn {
		if source, err = stage.Folder(source); err != nil {
			return &cli.Error{Message: err.Error(), Exit: cli.ExitUsage}
		}
	}
	player, err := server.player(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	player.Source, player.Queue = source, queue
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run, err := player.Submit(ctx)
	if errors.Is(err, play.ErrNotPrepared) {
		return &cli.Error{Message: err.Error(), Next: "start `packhorse serve`, which prepares the demo, or says why it cannot", Err: err}
	}
	if err != nil {
		return err
	}
	player.Announce(run)
	err = player.Show(ctx, run)
	var failed *play.FailedError
	switch {
	case errors.As(err, &failed):
		return &cli.Error{Message: err.Error(), Next: fmt.Sprintf("`%s explain %s`", server.command(), failed.ID), Err: err}
	case ctx.Err() != nil:
		return &cli.Error{Message: "left the demo, whose jobs go on", Next: fmt.Sprintf("`%s jobs` shows them", server.command()), Exit: cli.ExitInterrupted}
	}
	return err
}

// demoFolder is where the demo keeps things in a data folder.
func demoFolder(data string) (string, error) {
	data, err := filepath.Abs(data)
	return filepath.Join(data, "demo"), err
}

// prepareDemo makes what the demo needs, so that `packhorse demo` only has to submit.
func prepareDemo(ctx context.Context, l *laptop.Laptop, f serveFlags) (stage.Ready, error) {
	folder, err := demoFolder(f.Data)
	if err != nil {
		return stage.Ready{}, err
	}
	o := stage.Options{Definitions: l.Home, Program: f.Executable, Folder: folder, Source: f.demoSource}
	if l.Chosen.Mode == local.Docker {
		engine, ok := l.Chosen.Runtime.(stage.Engine)
		if !ok {
			return stage.Ready{}, fmt.Errorf("the runtime %s cannot import an image", l.Chosen.Mode)
		}
		o.Engine = engine
	}
	return stage.Prepare(ctx, o)
}

// firstDemo runs the demo on the first start over a data folder, and shows it.
func firstDemo(ctx context.Context, l *laptop.Laptop, f serveFlags, ready stage.Ready, out, progress io.Writer) error {
	folder, err := demoFolder(f.Data)
	if err != nil {
		return err
	}
	s := server{endpoint: "http://" + reachable(l.Address), region: f.Account.Region, accessKey: f.accessKey, secretKey: f.secretKey}
	player, err := s.player(ctx, out, progress)
	if err != nil {
		return err
	}
	player.Queue = home.FirstQueue
	fmt.Fprintln(progress)
	if ready.Source == demo.BuiltIn && f.demoSource == "" {
		fmt.Fprintln(progress, "There is no Go source tree on this machine, so the demo counts its own few files; --demo-source names another tree.")
	}
	if ready.ImageMade {
		fmt.Fprintf(progress, "Made the image %s from this program.\n", ready.Image)
	}
	shown, err := player.First(ctx, filepath.Join(folder, "first.json"))
	switch {
	case err != nil:
		return err
	case !shown:
		fmt.Fprintf(out, "The demo was shown on the first start; `%s demo` runs it again.\n", s.command())
	default:
		fmt.Fprintf(out, "\nPackhorse goes on serving at %s until Ctrl-C.\n", s.endpoint)
	}
	return nil
}

// reachable is an address to call for one that is listened on: 0.0.0.0 is none.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// screen is a stream of the command line as the demo takes it.
func screen(w io.Writer) play.Screen {
	s := play.Screen{Writer: w}
	if stream, ok := w.(cli.Stream); ok {
		s.Terminal, s.Colour, s.Width = stream.Terminal, stream.Colour, stream.Width
	}
	return s
}

// player makes a player of the demo on a server.
func (s server) player(ctx context.Context, out, progress io.Writer) (*play.Player, error) {
	b, l, err := s.clients(ctx)
	if err != nil {
		return nil, err
	}
	return &play.Player{
		Batch: b, Logs: l, Progress: screen(progress), Out: out, Now: time.Now, Pause: pause.For, Hints: s.hints,
	}, nil
}

// hints are commands to try after the demo.
func (s server) hints(run play.Run) string {
	packhorse := s.command()
	commands := [][2]string{
		{packhorse + " jobs", "what ran"},
		{packhorse + " explain " + run.Flaky, "what became of flaky"},
		{packhorse + " logs " + run.Count + ":0", "what the first child of the array printed"},
	}
	var b strings.Builder
	b.WriteString("Try next:\n\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "    # %s\n    %s\n", c[1], c[0])
	}
	return b.String()
}
