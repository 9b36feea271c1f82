// Package controlplane runs a Kubernetes control plane in one process: etcd,
// kube-apiserver and the controllers that custom resources rely on. It has no
// nodes. Only one can run in a process, as kube-apiserver keeps global state.
package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"k8s.io/component-base/version"
)

// Config says where and how a control plane runs.
type Config struct {
	// Dir keeps everything, also over restarts. It must not be in use.
	Dir string
	// Host is the address to serve on and to name in kubeconfigs.
	Host net.IP
	// Port to serve on; 0 takes the one of the last run if it is free, else any.
	Port int
	// Fsync makes every write durable, at the price of speed.
	Fsync bool
	// APIServerFlags are added to kube-apiserver's own.
	APIServerFlags []string
}

// Ready describes a control plane that answers requests.
type Ready struct {
	Version    string // such as v1.36.3
	URL        string
	Kubeconfig string // file, for the administrator
	Took       time.Duration
}

// Run runs a control plane until ctx ends, which is no error, or until a part
// of it fails. It calls ready once, when requests are answered, the bootstrap
// RBAC roles exist and the controllers run. Meanwhile the standard error of the
// process goes to the file log in the directory.
func Run(ctx context.Context, config Config, ready func(Ready)) error {
	err := run(ctx, config, ready)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// run starts the parts in order; each ends before those it depends on.
func run(ctx context.Context, config Config, ready func(Ready)) error {
	begin := time.Now()
	dir, err := openDirectory(config.Dir)
	if err != nil {
		return err
	}
	defer dir.close()
	restoreStderr, err := redirectStderr(dir.join("log"))
	if err != nil {
		return err
	}
	defer restoreStderr()
	credentials, err := ensureCredentials(dir, config.Host)
	if err != nil {
		return err
	}
	kubeconfig := dir.join("kubeconfig")
	listener, err := listen(config.Host, config.Port, previousPort(kubeconfig))
	if err != nil {
		return err
	}
	defer listener.Close()

	etcd, err := startEtcd(ctx, dir.join("etcd"), config.Fsync)
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer etcd.stop()
	api, err := startAPIServer(ctx, listener, etcd.url, credentials, config.APIServerFlags)
	if err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	defer api.stop()

	server := endpoint{url: "https://" + listener.Addr().String(), credentials: credentials}
	if err := api.waitReady(ctx, server.clientConfig(administrator)); err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	controllers, err := startControllers(ctx, server)
	if err != nil {
		return err
	}
	defer controllers.stop()

	err = errors.Join(
		server.writeKubeconfig(kubeconfig, administrator),
		server.writeKubeconfig(dir.join("operator.kubeconfig"), operator))
	if err != nil {
		return err
	}
	ready(Ready{Version: version.Get().GitVersion, URL: server.url, Kubeconfig: kubeconfig, Took: time.Since(begin)})

	select {
	case <-ctx.Done():
		return nil
	case <-api.done:
		return fmt.Errorf("kube-apiserver: %w", api.exitError())
	case err := <-etcd.failed():
		return fmt.Errorf("etcd: %w", err)
	}
}
