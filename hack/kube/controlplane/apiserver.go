package controlplane

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/compatibility"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// serviceRange is where Services get their addresses from, serviceIP the first
// of them, which is that of the API server itself.
const serviceRange = "10.0.0.0/24"

var serviceIP = net.IPv4(10, 0, 0, 1)

// stopTimeout is how long the server may take to finish its requests.
const stopTimeout = 5 * time.Second

// apiServer is a kube-apiserver in this process.
type apiServer struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid once done is closed
}

// startAPIServer returns as soon as the server runs; it is ready some time
// later, and runs until it is stopped, not until ctx ends. It does what
// upstream's command does (cmd/kube-apiserver/app), but without that one's
// signal handler, and serves on a port that is already open.
func startAPIServer(
	ctx context.Context, listener *net.TCPListener, etcdURL string, credentials *credentials, extraFlags []string,
) (*apiServer, error) {
	opts := options.NewServerRunOptions()
	flags := append(apiServerFlags(listener, etcdURL, credentials), extraFlags...)
	if err := parseFlags(opts, flags); err != nil {
		return nil, err
	}
	opts.SecureServing.Listener = listener

	globals := opts.GenericServerRunOptions.ComponentGlobalsRegistry
	if err := globals.Set(); err != nil {
		return nil, err
	}
	if err := logsapi.ValidateAndApply(opts.Logs, globals.FeatureGateFor(compatibility.DefaultKubeComponent)); err != nil {
		return nil, err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{}) // about requests to itself

	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	server := &apiServer{cancel: cancel, done: make(chan struct{})}
	completed, err := opts.Complete(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	if errs := completed.Validate(); len(errs) != 0 {
		cancel()
		return nil, utilerrors.NewAggregate(errs)
	}
	go func() {
		defer close(server.done)
		server.err = app.Run(ctx, completed)
	}()
	return server, nil
}

func apiServerFlags(listener *net.TCPListener, etcdURL string, credentials *credentials) []string {
	address := listener.Addr().(*net.TCPAddr)
	return []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=" + address.IP.String(),
		"--advertise-address=" + address.IP.String(),
		fmt.Sprintf("--secure-port=%d", address.Port),
		"--tls-cert-file=" + credentials.certFile,
		"--tls-private-key-file=" + credentials.certKeyFile,
		"--token-auth-file=" + credentials.tokenFile,
		"--authorization-mode=RBAC",
		"--service-account-key-file=" + credentials.serviceAccountKeyFile,
		"--service-account-signing-key-file=" + credentials.serviceAccountKeyFile,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-cluster-ip-range=" + serviceRange,
		// Nobody reaches a loopback address through a Service.
		"--endpoint-reconciler-type=none",
		"--profiling=false",
		// Otherwise open watches keep it from stopping for a minute.
		"--shutdown-watch-termination-grace-period=2s",
	}
}

func parseFlags(opts *options.ServerRunOptions, args []string) error {
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	flags.SetNormalizeFunc(cliflag.WordSepNormalizeFunc)
	for _, set := range opts.Flags().FlagSets {
		flags.AddFlagSet(set)
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 0 {
		return fmt.Errorf("takes flags only, not %q", flags.Args())
	}
	return nil
}

// waitReady returns when /readyz does, which includes that the bootstrap RBAC
// roles are in place.
func (s *apiServer) waitReady(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.done:
			cancel(s.exitError())
		case <-ctx.Done():
		}
	}()
	// Nothing announces readiness: only asking tells.
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		return client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil, nil
	})
	if err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// exitError says why the server ended, once done is closed.
func (s *apiServer) exitError() error {
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("ended by itself")
}

// stop ends the server gracefully, or leaves it alone when that takes too long.
func (s *apiServer) stop() {
	s.cancel()
	select {
	case <-s.done:
	case <-time.After(stopTimeout):
	}
}
