package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDirectoryIsExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster")
	first, err := openDirectory(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	_, err = openDirectory(path)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("error %v does not name the process", err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	second, err := openDirectory(path)
	if err != nil {
		t.Fatalf("after the first one ended: %v", err)
	}
	defer second.close()
	if pid, err := os.ReadFile(second.join("pid")); err != nil || string(pid) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("pid file %q, error %v", pid, err)
	}
}

func TestRedirectStderr(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for _, text := range []string{"first", "second"} {
		restore, err := redirectStderr(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(os.Stderr, text)
		restore()
	}
	for name, want := range map[string]string{path: "second", path + ".previous": "first"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s has %q, error %v, want %q", name, got, err, want)
		}
	}
}
