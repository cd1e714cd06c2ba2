//go:build unix

package process

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// socketDir makes the directory of the sockets. It is not in the data directory,
// for the path of a unix socket has room for about 104 bytes only. mark is that
// of the data directory.
func socketDir(mark string) (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("packhorse-%d-%s", os.Getuid(), mark))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("directory of the supervisors' sockets: %w", err)
	}
	// Everyone may write to the temporary directory: do not use what another made.
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("directory of the supervisors' sockets: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(owner.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("directory of the supervisors' sockets: %s is not a directory of this user alone: remove it, or set TMPDIR", dir)
	}
	return dir, nil
}

// socketPath is where the supervisor of a task listens.
func (r *Runtime) socketPath(id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(r.sockets, hex.EncodeToString(sum[:8]))
}

// listenFor makes the socket of a task. The kernel takes connections from then on,
// before the supervisor is there to accept them.
func listenFor(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	return listener, nil
}

func dial(path string) (net.Conn, error) {
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
}
