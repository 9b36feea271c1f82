package multicall

import (
	"slices"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	tests := []struct {
		name     string
		args     []string
		code     int
		leftArgs []string
	}{
		{"by a link of its name", []string{"/bin/kubectl", "get", "pods"}, 7, []string{"/bin/kubectl", "get", "pods"}},
		{"by the first argument", []string{"/bin/kube", "kubectl", "get"}, 7, []string{"kubectl", "get"}},
		{"an unknown program", []string{"kube", "kubeadm"}, 2, []string{"kube", "kubeadm"}},
		{"no program", []string{"kube"}, 2, []string{"kube"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var stderr strings.Builder
			args := slices.Clone(test.args)
			programs := map[string]Program{"kubectl": func() int { return 7 }, "controlplane": func() int { return 8 }}
			if code := run("kube", programs, &args, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !slices.Equal(args, test.leftArgs) {
				t.Errorf("arguments %q, want %q", args, test.leftArgs)
			}
			if test.code == 2 && stderr.String() != "usage: kube controlplane|kubectl ARGUMENTS\n" {
				t.Errorf("usage %q", stderr.String())
			}
		})
	}
}
