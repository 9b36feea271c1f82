package controlplane

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// identity is somebody the API server knows by a static token.
type identity struct {
	user   string
	groups []string
}

var (
	// administrator may do everything and is exempt from flow control.
	administrator = identity{user: "admin", groups: []string{user.SystemPrivilegedGroup}}

	// operator is what Roster's operator runs as: a service account without any
	// right of its own, and subject to flow control, as in a real cluster.
	operator = serviceAccount("roster-system", "roster-operator")

	// The controllers run as kube-controller-manager runs them: each as the
	// service account that the bootstrap policy gives the role
	// system:controller:NAME, informers as the controller manager itself.
	informer                 = identity{user: user.KubeControllerManager}
	garbageCollector         = serviceAccount("kube-system", "generic-garbage-collector")
	namespaceController      = serviceAccount("kube-system", "namespace-controller")
	serviceAccountController = serviceAccount("kube-system", "service-account-controller")
)

var identities = []identity{
	administrator, operator, informer, garbageCollector, namespaceController, serviceAccountController,
}

func serviceAccount(namespace, name string) identity {
	return identity{
		user:   serviceaccount.MakeUsername(namespace, name),
		groups: append(serviceaccount.MakeGroupNames(namespace), user.AllAuthenticated),
	}
}

// tokens are the static tokens by user name.
type tokens map[string]string

// credentials are what the API server knows clients by and they it. They are
// kept in files, so that all stay valid over restarts.
type credentials struct {
	tokens                tokens
	tokenFile             string
	serviceAccountKeyFile string
	certFile, certKeyFile string
	authority             []byte // signed the certificate; PEM
}

// ensureCredentials creates in dir what is missing there, for a server at host.
func ensureCredentials(dir *directory, host net.IP) (_ *credentials, err error) {
	c := &credentials{
		tokenFile:             dir.join("tokens.csv"),
		serviceAccountKeyFile: dir.join("sa.key"),
		certFile:              dir.join("apiserver.crt"),
		certKeyFile:           dir.join("apiserver.key"),
	}
	if c.tokens, err = ensureTokens(c.tokenFile, identities); err != nil {
		return nil, fmt.Errorf("static tokens: %w", err)
	}
	if err := ensureServiceAccountKey(c.serviceAccountKeyFile); err != nil {
		return nil, fmt.Errorf("service account key: %w", err)
	}
	if c.authority, err = ensureServingCertificate(c.certFile, c.certKeyFile, host); err != nil {
		return nil, fmt.Errorf("serving certificate: %w", err)
	}
	return c, nil
}

// ensureTokens reads the static token file at path and completes it, so that
// everybody keeps their token over restarts. The format is that of
// kube-apiserver's --token-auth-file: token,user,uid,"group,group".
func ensureTokens(path string, of []identity) (tokens, error) {
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	records, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	known := tokens{}
	for _, record := range records {
		if len(record) > 1 {
			known[record[1]] = record[0]
		}
	}

	result := tokens{}
	var completed bytes.Buffer
	writer := csv.NewWriter(&completed)
	for _, who := range of {
		token := known[who.user]
		if token == "" {
			token = newToken()
		}
		result[who.user] = token
		if err := writer.Write([]string{token, who.user, who.user, strings.Join(who.groups, ",")}); err != nil {
			return nil, err
		}
	}
	writer.Flush()
	return result, writeFile(path, completed.Bytes())
}

func newToken() string {
	random := make([]byte, 16)
	rand.Read(random) // never fails, see its documentation
	return hex.EncodeToString(random)
}

// ensureServiceAccountKey creates the key that signs service account tokens
// unless path has one: the tokens outlive a restart.
func ensureServiceAccountKey(path string) error {
	if _, err := keyutil.PrivateKeyFromFile(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	content, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	return writeFile(path, content)
}

// A cluster for development is thrown away long before.
const certificateLifetime = 10 * 365 * 24 * time.Hour

// ensureServingCertificate creates a certificate for host and for the names
// that pods use, unless the files hold one that will do. It returns the
// authority that signed it, in PEM.
func ensureServingCertificate(certFile, keyFile string, host net.IP) ([]byte, error) {
	chain, err := readServingCertificate(certFile, keyFile, host)
	if err != nil {
		cert, key, err := certutil.GenerateSelfSignedCertKeyWithOptions(certutil.SelfSignedCertKeyOptions{
			Host:         host.String(),
			AlternateIPs: []net.IP{serviceIP},
			AlternateDNS: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
			MaxAge:       certificateLifetime,
		})
		if err != nil {
			return nil, err
		}
		if err := errors.Join(writeFile(keyFile, key), writeFile(certFile, cert)); err != nil {
			return nil, err
		}
		if chain, err = readServingCertificate(certFile, keyFile, host); err != nil {
			return nil, err
		}
	}
	authority := chain[len(chain)-1]
	return pem.EncodeToMemory(&pem.Block{Type: certutil.CertificateBlockType, Bytes: authority}), nil
}

// readServingCertificate returns the chain in DER, the authority last, or why
// it will not do.
func readServingCertificate(certFile, keyFile string, host net.IP) ([][]byte, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, err
	}
	if time.Now().After(leaf.NotAfter) {
		return nil, fmt.Errorf("%s expired on %s", certFile, leaf.NotAfter)
	}
	return pair.Certificate, leaf.VerifyHostname(host.String())
}
