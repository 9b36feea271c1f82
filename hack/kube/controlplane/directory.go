package controlplane

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// directory is where one control plane keeps everything. It is exclusive: the
// file "pid" is locked as long as the process lives, so a lock that can be had
// means that none runs here, whatever number the file holds.
type directory struct {
	path string
	pid  *os.File
}

// openDirectory creates path for the owner alone and takes it, or says which
// process has it already.
func openDirectory(path string) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	pid, err := os.OpenFile(filepath.Join(path, "pid"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(pid.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer pid.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			holder, _ := io.ReadAll(pid) // empty when it just started
			return nil, fmt.Errorf("a control plane already runs in %s (process %s)", path, strings.TrimSpace(string(holder)))
		}
		return nil, fmt.Errorf("locking %s: %w", pid.Name(), err)
	}
	d := &directory{path: path, pid: pid}
	if err := errors.Join(pid.Truncate(0), writePID(pid)); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func writePID(file *os.File) error {
	_, err := fmt.Fprintln(file, os.Getpid())
	return err
}

// close lets another control plane have the directory.
func (d *directory) close() error {
	return d.pid.Close()
}

func (d *directory) join(name string) string {
	return filepath.Join(d.path, name)
}
