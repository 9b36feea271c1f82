package controlplane

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// exitWithParent has the kernel send SIGTERM when the parent ends, however it
// does: even after kill -9 of a test nothing stays behind. To the kernel the
// parent is the thread that started this process (prctl(2), PR_SET_PDEATHSIG).
func exitWithParent(parent int) error {
	// The setting belongs to the calling thread and must not end with it.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
		return fmt.Errorf("following the parent: %w", err)
	}
	if os.Getppid() != parent {
		return fmt.Errorf("the parent %d has already ended", parent)
	}
	return nil
}
