package controlplane

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/authentication/token/tokenfile"
)

var loopback = net.IPv4(127, 0, 0, 1)

func TestCredentialsOutliveARestart(t *testing.T) {
	dir := &directory{path: t.TempDir()}
	first, err := ensureCredentials(dir, loopback)
	if err != nil {
		t.Fatal(err)
	}
	before := readFiles(t, dir.path)
	second, err := ensureCredentials(dir, loopback)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(first.tokens, second.tokens) || !bytes.Equal(first.authority, second.authority) {
		t.Error("the second start has other tokens or another certificate authority")
	}
	if !maps.Equal(before, readFiles(t, dir.path)) {
		t.Error("the second start changed files")
	}
}

func TestCredentialsAreForTheOwnerOnly(t *testing.T) {
	dir := &directory{path: t.TempDir()}
	if _, err := ensureCredentials(dir, loopback); err != nil {
		t.Fatal(err)
	}
	for name := range readFiles(t, dir.path) {
		info, err := os.Stat(dir.join(name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
}

func TestTokenFileIsUnderstoodByTheAPIServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.csv")
	tokens, err := ensureTokens(path, identities)
	if err != nil {
		t.Fatal(err)
	}
	authenticator, err := tokenfile.NewCSV(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range identities {
		response, ok, err := authenticator.AuthenticateToken(t.Context(), tokens[who.user])
		if err != nil || !ok {
			t.Errorf("the token of %s is not accepted: %v", who.user, err)
			continue
		}
		if got := response.User; got.GetName() != who.user || strings.Join(got.GetGroups(), " ") != strings.Join(who.groups, " ") {
			t.Errorf("the token of %s is one of %s in %v", who.user, got.GetName(), got.GetGroups())
		}
	}
}

func TestTokensAreCompletedForANewIdentity(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.csv")
	before, err := ensureTokens(path, []identity{administrator})
	if err != nil {
		t.Fatal(err)
	}
	after, err := ensureTokens(path, []identity{operator, administrator})
	if err != nil {
		t.Fatal(err)
	}
	if after["admin"] != before["admin"] {
		t.Error("the administrator's token changed")
	}
	if after[operator.user] == "" || after[operator.user] == after["admin"] {
		t.Error("the operator has no token of its own")
	}
}

func TestADamagedTokenFileIsNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.csv")
	if err := os.WriteFile(path, []byte("abc,\"admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ensureTokens(path, identities); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name the file", err)
	}
}

func TestServingCertificate(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
	authority, err := ensureServingCertificate(cert, key, loopback)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"127.0.0.1", "localhost", "kubernetes.default.svc", serviceIP.String()} {
		verify(t, cert, authority, name)
	}

	t.Run("is renewed for another host", func(t *testing.T) {
		other := net.IPv4(127, 0, 0, 2)
		renewed, err := ensureServingCertificate(cert, key, other)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(renewed, authority) {
			t.Error("the certificate stayed the same")
		}
		verify(t, cert, renewed, other.String())
	})
	t.Run("is renewed when the key is another's", func(t *testing.T) {
		if err := ensureServiceAccountKey(filepath.Join(dir, "other.key")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "other.key"), key); err != nil {
			t.Fatal(err)
		}
		renewed, err := ensureServingCertificate(cert, key, loopback)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, cert, renewed, "127.0.0.1")
	})
}

// verify does what a client does with the certificate that the server shows.
func verify(t *testing.T, certFile string, authority []byte, name string) {
	t.Helper()
	content, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(content)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
		t.Error(err)
	}
}

// readFiles returns the contents of a directory's files by name.
func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(content)
	}
	return files
}
