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

// maxSocketPath is the most bytes that the path of a unix socket may have on any
// system: 104 on macOS and the BSDs, 108 on Linux, with the zero at the end.
const maxSocketPath = 103

// socketDir makes the directory of the sockets. It is not in the data directory,
// whose path may be too long for them. mark is that of the data directory.
func socketDir(mark string) (string, error) {
	name := fmt.Sprintf("packhorse-%d-%s", os.Getuid(), mark)
	dir := filepath.Join(socketParent(), name)
	if len(dir)+1+2*socketNameBytes > maxSocketPath {
		dir = filepath.Join("/tmp", name)
	}
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
		return "", fmt.Errorf("directory of the supervisors' sockets: %s is not a directory of this user alone: remove it", dir)
	}
	return dir, nil
}

// socketParent is where systems want sockets: a file system in memory, where they
// cost no disk writes and where nobody cleans up, if there is one for this user.
func socketParent() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return dir
	}
	if info, err := os.Stat("/run"); err == nil && info.IsDir() && os.Getuid() == 0 {
		return "/run"
	}
	return os.TempDir()
}

// socketNameBytes is how much of the hash of a task's ID is the name of its socket.
const socketNameBytes = 8

// socketPath is where the supervisor of a task listens.
func (r *Runtime) socketPath(id string) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(r.sockets, hex.EncodeToString(sum[:socketNameBytes]))
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
