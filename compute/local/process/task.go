//go:build unix

package process

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/packhorse-batch/packhorse/compute"
	"github.com/packhorse-batch/packhorse/compute/local/process/supervisor"
)

// lostVersion is the version of the end of a task whose supervisor died. How far
// it had counted may not be known; it counts a few changes for each container.
const lostVersion = 1 << 20

// sayTimeout bounds how long a supervisor that does not read can hold us up.
const sayTimeout = 5 * time.Second

// task is what the server knows of a task.
type task struct {
	id    string
	ready chan struct{} // closed when Run has started the supervisor, or failed
	err   error         // of Run; set before ready is closed
	heard chan struct{} // closed when its status is what it is, not what it was
	once  sync.Once     // for heard

	mu     sync.Mutex
	status compute.TaskStatus // Containers is never written to, only replaced
	conn   net.Conn           // nil: not connected
}

func newTask(id string) *task {
	return &task{id: id, ready: make(chan struct{}), heard: make(chan struct{})}
}

func (t *task) now() compute.TaskStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

func (t *task) over() bool { return t.now().State == compute.TaskStopped }

func (t *task) isHeard() { t.once.Do(func() { close(t.heard) }) }

func (t *task) hangUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != nil {
		t.conn.Close()
	}
}

// tells takes over what a supervisor tells and passes it on as news, unless it is
// known already.
func (r *Runtime) tells(t *task, s supervisor.Status) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.Version <= t.status.Version {
		return
	}
	t.status = merge(t.status, s)
	r.news.add(t.status)
}

// merge puts what a supervisor tells into a status of the task.
func merge(status compute.TaskStatus, s supervisor.Status) compute.TaskStatus {
	status.State = compute.TaskState(s.State)
	status.Version = s.Version
	status.StartedAt, status.StoppedAt = s.StartedAt, s.StoppedAt
	status.StopCode, status.Reason = compute.StopCode(s.StopCode), s.Reason
	status.Notes = s.Notes
	status.Containers = make([]compute.ContainerStatus, len(s.Containers))
	for i, c := range s.Containers {
		status.Containers[i] = compute.ContainerStatus{Name: c.Name, ExitCode: c.ExitCode, Reason: c.Reason}
	}
	return status
}

// maxHandovers is how often a task is given to a supervisor that dies before it has
// taken the task up.
const maxHandovers = 3

// follow listens to a supervisor until it is gone, then settles what became of
// the task.
func (r *Runtime) follow(t *task) {
	for n := 1; ; n++ {
		r.listen(t)
		if t.over() || r.ctx.Err() != nil || n >= maxHandovers || !r.unstarted(t.id) || r.handOver(t, r.socketPath(t.id)) != nil {
			break
		}
	}
	if r.ctx.Err() == nil {
		r.settle(t)
	}
	t.isHeard()
}

// listen takes over what the supervisor of a task tells until it hangs up.
func (r *Runtime) listen(t *task) {
	stop := context.AfterFunc(r.ctx, t.hangUp)
	defer stop()
	t.mu.Lock()
	conn := t.conn
	t.mu.Unlock()
	in := json.NewDecoder(conn)
	for {
		var s supervisor.Status
		if in.Decode(&s) != nil {
			break
		}
		r.tells(t, s)
		t.isHeard()
	}
	t.hangUp()
}

// settle waits until the supervisor has let go of the task, and takes over the end that it
// recorded; or makes one.
func (r *Runtime) settle(t *task) {
	if t.over() {
		return // and maybe forgotten: the directory is not ours to look into
	}
	lock, err := r.lockTask(t.id, 0)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // forgotten already
			r.log.Error("cannot lock a task; its end is not known", "task", t.id, "err", err)
		}
		return
	}
	defer lock.Close()
	if j, err := supervisor.ReadJournal(supervisor.JournalPath(r.dir(t.id))); err == nil && j.End != nil {
		r.tells(t, *j.End)
		return
	}
	if r.ctx.Err() == nil {
		r.lose(map[string]*task{t.id: t})
	}
}

// lockTask takes the lock of a task, which proves that no supervisor of it lives.
// With LOCK_NB it fails at once with EWOULDBLOCK when one does.
func (r *Runtime) lockTask(id string, how int) (*os.File, error) {
	f, err := os.OpenFile(supervisor.JournalPath(r.dir(id)), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|how)
		if err == nil {
			return f, nil
		}
		if err != syscall.EINTR {
			f.Close()
			return nil, err
		}
	}
}

// say sends a request to the supervisor; io.EOF when it is not connected.
func (t *task) say(request supervisor.Request) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil {
		return io.EOF
	}
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := t.conn.SetWriteDeadline(time.Now().Add(sayTimeout)); err != nil {
		return err
	}
	_, err = t.conn.Write(append(text, '\n'))
	return err
}
