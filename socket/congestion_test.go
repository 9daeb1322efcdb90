package socket_test

import (
	"errors"
	"syscall"
	"testing"

	"septet/event"
	"septet/host"
	"septet/packet"
	"septet/socket"
)

// As on Linux: CUBIC is usual, the name is checked at once, and only TCP has one.
func TestCongestionIsChosenByName(t *testing.T) {
	l := event.NewVirtual(1)
	defer l.Close()
	h := host.New(l, new(packet.Pool), "h")
	s, err := h.Socket(socket.AF_INET, socket.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if name, err := s.Congestion(); name != "cubic" || err != nil {
		t.Errorf("a new socket has %q, %v, should have cubic", name, err)
	}
	if err := s.SetCongestion("vegas"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("an unknown name: %v, should be ENOENT", err)
	}
	if err := s.SetCongestion("bbr"); err != nil {
		t.Fatal(err)
	}
	if name, _ := s.Congestion(); name != "bbr" {
		t.Errorf("after choosing bbr the socket has %q", name)
	}
	d, err := h.Socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Congestion(); !errors.Is(err, syscall.ENOPROTOOPT) {
		t.Errorf("a datagram socket: %v, should be ENOPROTOOPT", err)
	}
}
