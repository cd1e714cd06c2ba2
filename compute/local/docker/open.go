package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	"golang.org/x/sync/semaphore"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/logs"
)

// The network modes that Options.Network names.
const (
	NetworkBridge = "bridge" // a network of its own behind the engine's bridge
	NetworkHost   = "host"   // the machine's network, as AWS Batch has it on EC2
	NetworkNone   = "none"   // loopback only
)

// Options says which engine runs the tasks, and what they share.
type Options struct {
	// Host is the engine's address, such as unix:///var/run/docker.sock. Empty takes
	// what the docker command would take: DOCKER_HOST, its current context, the
	// default socket.
	Host string
	// Logs takes the output of the containers; nil keeps none.
	Logs *logs.Store
	// Instance names the data directory that the tasks belong to. Containers carry
	// it as a label, so that two servers on one machine leave each other's alone.
	Instance string
	// Dir keeps tasks that have no container yet, for a restarted server to go on
	// with, and ends that containers do not show. Empty keeps them in memory only.
	Dir string
	// Network is the network mode of all containers; empty is NetworkBridge. Only with
	// NetworkHost do the containers of one task reach each other as localhost, as
	// they do on ECS.
	Network string
	// Parallel is how many containers are made and started at once; 0 is DefaultParallel.
	Parallel int
	// Log hears of what goes on; nil is silence.
	Log *slog.Logger
}

// DefaultParallel is how many containers are made and started at once. A daemon
// needs about a tenth of a second for each, most of it in locks and the kernel:
// more at once lengthens the wait of each without starting more per second.
const DefaultParallel = 8

const (
	// answerTime is how long an engine may take to answer whether it is there.
	answerTime = 2 * time.Second
	// closeTime is how long Close waits for calls under way.
	closeTime = 5 * time.Second
	// maxReads is how many logs of ended containers are read at once.
	maxReads = 8
	// maxRemovals is how many forgotten tasks are removed at once.
	maxRemovals = 4
)

// Info is what an engine says of itself and of its machine.
type Info struct {
	Host       string // address
	Version    string // of the server, "20.10.24"
	APIVersion string
	OS, Arch   string // "linux", "x86_64"
	CPUs       int
	MemoryMiB  int64
	GPUs       int
	// LiveRestore says that containers go on while the engine is not there.
	LiveRestore bool
}

// Runtime runs tasks on one engine. It implements compute.Tasks.
type Runtime struct {
	api      *client.Client
	host     string // as in Options
	settings settings
	logs     *logs.Store
	log      *slog.Logger
	journal  *journal
	news     *newsQueue
	link     *link
	puller   *puller
	gpus     *gpuPool
	slots    *semaphore.Weighted // making and starting containers
	reads    *semaphore.Weighted
	removals *semaphore.Weighted

	cancel context.CancelFunc
	ctx    context.Context // of all supervisors; ends with Close
	wg     sync.WaitGroup

	mu     sync.Mutex
	tasks  map[string]*task
	info   Info
	closed bool

	liveRestore atomic.Bool // of info
}

var _ compute.Tasks = (*Runtime)(nil)

// Open connects to an engine and takes up the tasks of this instance that are
// there. When no engine answers within two seconds the error is
// compute.ErrUnavailable.
func Open(ctx context.Context, options Options) (*Runtime, error) {
	switch options.Network {
	case "":
		options.Network = NetworkBridge
	case NetworkBridge, NetworkHost, NetworkNone:
	default:
		return nil, fmt.Errorf("network %q: must be %s, %s or %s", options.Network, NetworkBridge, NetworkHost, NetworkNone)
	}
	options.Log = cmp.Or(options.Log, slog.New(slog.DiscardHandler))
	api, err := newClient(options.Host)
	if err != nil {
		return nil, err
	}
	journal, err := openJournal(options.Dir, options.Log)
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		api:      api,
		host:     options.Host,
		settings: settings{instance: cmp.Or(options.Instance, "default"), network: options.Network},
		logs:     options.Logs,
		log:      options.Log,
		journal:  journal,
		news:     newNewsQueue(),
		link:     newLink(),
		puller:   newPuller(api, options.Log),
		slots:    semaphore.NewWeighted(int64(cmp.Or(options.Parallel, DefaultParallel))),
		reads:    semaphore.NewWeighted(maxReads),
		removals: semaphore.NewWeighted(maxRemovals),
		tasks:    map[string]*task{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if err := r.start(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// start reads what is there while the events already flow, so that nothing falls
// in between.
func (r *Runtime) start(ctx context.Context) error {
	info, about, err := probe(ctx, r.api)
	if err != nil {
		return err
	}
	r.info = about
	r.liveRestore.Store(about.LiveRestore)
	r.gpus = newGPUPool(findGPUs(info, nvidiaProc))
	r.settings.hostGateway = atLeast(about.APIVersion, 1, 41)
	events, err := r.subscribe()
	if err != nil {
		return unavailable(r.api.DaemonHost(), err)
	}
	r.link.set(true)
	if err := r.takeUp(ctx); err != nil {
		return fmt.Errorf("take up the containers of instance %s: %w", r.settings.instance, err)
	}
	r.wg.Go(func() { r.attend(r.ctx, events) })
	return nil
}

func newClient(host string) (*client.Client, error) {
	options, err := engineOptions(host)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", compute.ErrUnavailable, err)
	}
	api, err := client.New(options...)
	if err != nil {
		return nil, fmt.Errorf("%w: docker host: %w", compute.ErrUnavailable, err)
	}
	return api, nil
}

// Probe asks an engine for itself, and nothing else. Host is as in Options. When
// none answers within two seconds the error is compute.ErrUnavailable.
func Probe(ctx context.Context, host string) (Info, error) {
	api, err := newClient(host)
	if err != nil {
		return Info{}, err
	}
	defer api.Close()
	_, about, err := probe(ctx, api)
	return about, err
}

func probe(ctx context.Context, api *client.Client) (system.Info, Info, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	ping, err := api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	var result client.SystemInfoResult
	if err == nil {
		result, err = api.Info(ctx, client.InfoOptions{})
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %v", answerTime)
		}
		return system.Info{}, Info{}, unavailable(api.DaemonHost(), err)
	}
	info := result.Info
	return info, Info{
		Host:       api.DaemonHost(),
		Version:    info.ServerVersion,
		APIVersion: ping.APIVersion,
		OS:         info.OSType,
		Arch:       info.Architecture,
		CPUs:       info.NCPU,
		MemoryMiB:  info.MemTotal / mib,
		GPUs:       len(findGPUs(info, nvidiaProc)),

		LiveRestore: info.LiveRestoreEnabled,
	}, nil
}

// atLeast compares an API version such as "1.41".
func atLeast(version string, major, minor int) bool {
	var a, b int
	if _, err := fmt.Sscanf(version, "%d.%d", &a, &b); err != nil {
		return false
	}
	return a > major || a == major && b >= minor
}

// Info returns what the engine said of itself when it was last connected.
func (r *Runtime) Info() Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.info
}

// Close lets go of the engine. Containers go on running; the next Open with the
// same instance takes them up again.
func (r *Runtime) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	done := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(closeTime):
		r.log.Warn("closing without waiting further for calls to the Docker Engine", "waited", closeTime)
	}
	return r.api.Close()
}

// Run accepts a task; see compute.Tasks.
func (r *Runtime) Run(_ context.Context, spec compute.Task) error {
	if !validID.MatchString(spec.ID) || len(spec.Containers) == 0 || len(spec.Containers) > maxContainers {
		return fmt.Errorf("task %q of %d containers: the id must be hexadecimal digits, the containers 1 to %d",
			spec.ID, len(spec.Containers), maxContainers)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return fmt.Errorf("%w: the runtime is closed", compute.ErrUnavailable)
	}
	if r.tasks[spec.ID] != nil {
		return nil
	}
	if up, _ := r.link.state(); !up {
		return unavailable(r.api.DaemonHost(), errors.New("the connection is lost and tried again"))
	}
	if err := r.journal.write(spec.ID, entry{Task: &spec}); err != nil {
		return fmt.Errorf("note the task before running it: %w", err)
	}
	t := r.newTask(spec)
	r.tasks[t.id] = t
	r.wg.Go(func() { t.live(r.ctx) })
	return nil
}

// validID keeps an id usable as a file and container name.
var validID = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,127}$`)

// Stop ends a task; see compute.Tasks. While the engine is away the request waits.
func (r *Runtime) Stop(_ context.Context, id, reason string) error {
	if t := r.find(id); t != nil {
		t.requestStop(cmp.Or(reason, reasonUser))
	}
	return nil
}

// ListTasks returns all tasks that are not forgotten; see compute.Tasks. While the
// engine is away it returns what was last known.
func (r *Runtime) ListTasks(context.Context) ([]compute.TaskStatus, error) {
	tasks := r.all()
	list := make([]compute.TaskStatus, 0, len(tasks))
	for _, t := range tasks {
		list = append(list, t.report())
	}
	return list, nil
}

func (r *Runtime) find(id string) *task {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tasks[id]
}

func (r *Runtime) all() []*task {
	r.mu.Lock()
	defer r.mu.Unlock()
	tasks := make([]*task, 0, len(r.tasks))
	for _, t := range r.tasks {
		tasks = append(tasks, t)
	}
	return tasks
}
