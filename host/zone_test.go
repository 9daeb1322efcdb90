package host_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/socket"
)

// TestNumericZones: a program may say of which link an address is by the number of the
// interface, as sin6_scope_id does (RFC 4007, section 11.2), wherever it says an address.
func TestNumericZones(t *testing.T) {
	m := dual(t)
	mine, peer := m.pc.Network.Interfaces()[1], m.router.Network.Interfaces()[1]
	numbered := func(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.WithZone("2"), port) }
	local, remote := mine.Addresses()[0].Addr, peer.Addresses()[0].Addr
	for _, kind := range []int{socket.SOCK_STREAM, socket.SOCK_DGRAM} {
		m.loop.Go("server", func() {
			s, err := m.router.Socket(socket.AF_INET6, kind, 0)
			if err == nil {
				err = s.Bind(numbered(remote, 7))
			}
			if err != nil {
				t.Errorf("binding to %v: %v", numbered(remote, 7), err)
				return
			}
			defer s.Close()
			if kind == socket.SOCK_STREAM {
				if err := s.Listen(1); err != nil {
					t.Error(err)
				}
				c, from, err := s.Accept()
				if err != nil || from.Addr() != local.WithZone("eth0") {
					t.Errorf("accepted from %v, %v; want from %v", from, err, local)
					return
				}
				defer c.Close()
				s = c
			}
			b := make([]byte, 10)
			n, from, err := s.RecvFrom(b, 0)
			if err == nil && kind == socket.SOCK_DGRAM {
				_, err = s.SendTo(b[:n], 0, numbered(from.Addr(), from.Port()))
			} else if err == nil {
				_, err = s.Send(b[:n], 0)
			}
			if err != nil {
				t.Errorf("answering: %v", err)
			}
		})
		m.loop.Go("client", func() {
			m.loop.Sleep(5 * time.Second)
			s, err := m.pc.Socket(socket.AF_INET6, kind, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Bind(numbered(local, 0)); err != nil {
				t.Errorf("binding to %v: %v", numbered(local, 0), err)
			}
			if err := s.Connect(numbered(remote, 7)); err != nil {
				t.Errorf("connecting to %v: %v", numbered(remote, 7), err)
				return
			}
			b := make([]byte, 10)
			if _, err := s.Send([]byte("hello"), 0); err != nil {
				t.Error(err)
			}
			if n, err := s.Recv(b, 0); err != nil || string(b[:n]) != "hello" {
				t.Errorf("received %q, %v; want the echo", b[:n], err)
			}
			if a, _ := s.GetPeerName(); a.Addr() != remote.WithZone("eth0") {
				t.Errorf("the peer is %v, want %v", a, remote)
			}
			other, err := m.pc.Socket(socket.AF_INET6, kind, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer other.Close()
			if err := other.Bind(netip.AddrPortFrom(local.WithZone("99"), 0)); err == nil {
				t.Error("bound to an address of a link that is not there")
			}
		})
		if err := m.loop.Run(m.loop.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
	}
}
