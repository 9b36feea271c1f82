// Package test runs the control plane as its users do, through hack/cluster,
// and tries on it what custom resources rely on.
package test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const cluster = "../../cluster"

// process is a control plane that hack/cluster runs in the foreground.
type process struct {
	command    *exec.Cmd
	kubeconfig string
}

// start returns when the control plane says that it is ready. It ends with the
// test at the latest.
func start(t *testing.T, dir string, arguments ...string) *process {
	t.Helper()
	command := exec.Command(cluster, append([]string{"run", dir, "--fsync=false", "--exit-with-parent"}, arguments...)...)
	p := &process{command: command}
	p.startCommand(t)
	return p
}

// startCommand starts the command and reads its output until it is ready.
func (p *process) startCommand(t *testing.T) {
	t.Helper()
	p.command.Stderr = t.Output()
	output, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.command.Process.Kill() })
	for scanner := bufio.NewScanner(output); p.kubeconfig == ""; {
		if !scanner.Scan() {
			t.Fatal("the control plane did not start")
		}
		if kubeconfig, ready := strings.CutPrefix(scanner.Text(), "ready KUBECONFIG="); ready {
			p.kubeconfig = kubeconfig
		}
	}
}

// terminate sends SIGTERM and fails the test unless the process ends as it
// promises: without an error and within ten seconds.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(10*time.Second, func() { p.command.Process.Kill() })
	defer late.Stop()
	if err := p.command.Wait(); err != nil {
		t.Fatalf("after SIGTERM: %v", err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir)
	client := clientOf(t, first.kubeconfig)
	createNamespace(t, client, "kept")
	before := readFile(t, first.kubeconfig)
	// An open watch must not keep it from ending.
	watch, err := client.CoreV1().Namespaces().Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	first.terminate(t)

	second := start(t, dir)
	if after := readFile(t, second.kubeconfig); after != before {
		t.Error("the kubeconfig is another one after the restart")
	}
	_, err = clientOf(t, second.kubeconfig).CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{})
	if err != nil {
		t.Error(err)
	}
	second.terminate(t)
}

func TestEndsWithItsParent(t *testing.T) {
	dir := t.TempDir()
	parent := &process{command: exec.Command("bash", "-c", cluster+` run "$0" --exit-with-parent & wait`, dir)}
	parent.startCommand(t)
	if err := parent.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	pid, err := os.Open(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	defer pid.Close()
	unlocked := make(chan error)
	go func() { unlocked <- unix.Flock(int(pid.Fd()), unix.LOCK_SH) }()
	select {
	case err := <-unlocked:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(timeout):
		t.Error("the control plane outlives its parent")
	}
}

func configOf(t *testing.T, kubeconfig string) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func clientOf(t *testing.T, kubeconfig string) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(configOf(t, kubeconfig))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
