package logs

import (
	"context"
	"os"
	"syscall"
	"time"
)

// inotify is a changeWaiter on the kernel's notifications of one file.
type inotify struct{ file *os.File }

// watchFile fails when the file is missing or the user's inotify instances are
// used up (fs.inotify.max_user_instances, 128 by default).
func watchFile(path string) (changeWaiter, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	const changes = syscall.IN_MODIFY | syscall.IN_DELETE_SELF | syscall.IN_MOVE_SELF | syscall.IN_ATTRIB
	if _, err := syscall.InotifyAddWatch(fd, path, changes); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return inotify{os.NewFile(uintptr(fd), "inotify")}, nil
}

func (n inotify) wait(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { n.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var events [4 << 10]byte // what the kernel gathered; that there is any is all that counts
	_, err := n.file.Read(events[:])
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (n inotify) close() { n.file.Close() }
