package controlplane

import "net"

// listen opens the port asked for. Without one (0) it takes the previous one
// if that is still free, so that kubeconfigs stay valid, else any.
func listen(host net.IP, port, previous int) (*net.TCPListener, error) {
	if port == 0 && previous != 0 {
		if listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: host, Port: previous}); err == nil {
			return listener, nil
		}
	}
	return net.ListenTCP("tcp", &net.TCPAddr{IP: host, Port: port})
}
