package controlplane

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// redirectStderr lets all that this process writes to standard error, panics
// included, go to the file at path until restore is called. What was there is
// kept as path.previous.
func redirectStderr(path string) (restore func(), err error) {
	if err := os.Rename(path, path+".previous"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	original, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Dup3(int(log.Fd()), unix.Stderr, 0); err != nil {
		return nil, err
	}
	return func() {
		unix.Dup3(original, unix.Stderr, 0)
		unix.Close(original)
	}, nil
}
