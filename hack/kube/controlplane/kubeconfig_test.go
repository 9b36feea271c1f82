package controlplane

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func TestKubeconfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	server := endpoint{
		url:         "https://127.0.0.1:6443",
		credentials: &credentials{authority: []byte("PEM"), tokens: tokens{"admin": "secret", operator.user: "other"}},
	}
	if err := server.writeKubeconfig(path, administrator); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != server.url || config.BearerToken != "secret" || string(config.CAData) != "PEM" {
		t.Errorf("host %q, token %q, authority %q", config.Host, config.BearerToken, config.CAData)
	}
	if port := previousPort(path); port != 6443 {
		t.Errorf("previous port %d", port)
	}
}

func TestPreviousPortOfNoUsableKubeconfig(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"empty":   "",
		"broken":  "{",
		"foreign": "clusters: [{name: other, cluster: {server: 'https://127.0.0.1:6443'}}]",
		"no port": "clusters: [{name: roster, cluster: {server: 'https://127.0.0.1'}}]",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if port := previousPort(path); port != 0 {
			t.Errorf("%s: port %d", name, port)
		}
	}
	if port := previousPort(filepath.Join(dir, "missing")); port != 0 {
		t.Errorf("missing: port %d", port)
	}
}
