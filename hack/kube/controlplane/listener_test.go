package controlplane

import (
	"net"
	"testing"
)

func TestListen(t *testing.T) {
	port := func(listener *net.TCPListener) int { return listener.Addr().(*net.TCPAddr).Port }
	busy, err := listen(loopback, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()

	t.Run("takes another port when the previous one is busy", func(t *testing.T) {
		listener, err := listen(loopback, 0, port(busy))
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		if port(listener) == port(busy) {
			t.Error("took the busy port")
		}
	})
	t.Run("refuses a busy port that was asked for", func(t *testing.T) {
		if listener, err := listen(loopback, port(busy), 0); err == nil {
			listener.Close()
			t.Error("no error")
		}
	})
	t.Run("takes the previous port when it is free", func(t *testing.T) {
		previous := port(busy)
		busy.Close()
		listener, err := listen(loopback, 0, previous)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		if port(listener) != previous {
			t.Errorf("took %d, not %d", port(listener), previous)
		}
	})
}
