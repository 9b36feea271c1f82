package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
)

// etcdQuota is the largest size of the database in bytes, the most that etcd
// recommends (https://etcd.io/docs/v3.6/dev-guide/limit/).
const etcdQuota = 8 << 30

// etcd is a single member in this process. It listens on a Unix socket inside
// its directory only, because it has no authentication here and whoever
// reaches it may read and write everything.
type etcd struct {
	server  *embed.Etcd
	sockets *os.File
	url     string
}

// startEtcd returns when the member serves. Without fsync it is faster and
// survives a crash of the process, but not one of the machine.
func startEtcd(ctx context.Context, dir string, fsync bool) (_ *etcd, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	sockets, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			sockets.Close()
		}
	}()
	config := embed.NewConfig()
	config.Dir = dir
	config.LogLevel = "error"
	config.UnsafeNoFsync = !fsync
	config.QuotaBackendBytes = etcdQuota
	client := socketURL(sockets, "client.sock")
	config.ListenClientUrls = []url.URL{client}
	config.ListenPeerUrls = nil // there are none
	// Nobody follows what it advertises, but etcd insists on a host and a port.
	advertised := url.URL{Scheme: "unix", Host: "localhost:0"}
	config.AdvertiseClientUrls = []url.URL{advertised}
	config.AdvertisePeerUrls = []url.URL{advertised}
	config.InitialCluster = config.InitialClusterFromName(config.Name)

	server, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-server.Server.ReadyNotify():
		return &etcd{server: server, sockets: sockets, url: client.String()}, nil
	case err = <-server.Err():
	case <-server.Server.StopNotify():
		err = errors.New("stopped while starting")
	case <-ctx.Done():
		err = ctx.Err()
	}
	server.Close()
	return nil, err
}

// socketURL reaches a socket through the open directory, since a socket's path
// is limited to 107 bytes (unix(7)) and a directory's is not.
func socketURL(dir *os.File, name string) url.URL {
	return url.URL{Scheme: "unix", Path: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), name)}
}

// failed yields the error that ends the member.
func (e *etcd) failed() <-chan error {
	return e.server.Err()
}

func (e *etcd) stop() {
	e.server.Close()
	e.sockets.Close()
}
