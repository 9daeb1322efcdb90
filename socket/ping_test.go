package socket_test

import (
	"math"
	"net/netip"
	"syscall"
	"testing"

	"septet/physical"
	. "septet/socket"
)

// TestPingSockets: once the host lets everybody ping, a process without privilege sends an
// echo request and receives the reply, each socket its own, of either family. What Linux
// does is held in socket/differential.
func TestPingSockets(t *testing.T) {
	for _, c := range []struct {
		domain, protocol int
		peer             string
		request, reply   byte
	}{
		{AF_INET, IPPROTO_ICMP, "127.0.0.1", 8, 0},
		{AF_INET6, IPPROTO_ICMPV6, "::1", 128, 129},
	} {
		w := virtualWorld(t, 1, physical.Impairment{})
		ordinary, privileged := w.alice.Sockets.NewProcess(false), w.alice.Process()
		for _, p := range []*Process{ordinary, privileged} {
			if _, err := p.Socket(c.domain, SOCK_DGRAM, c.protocol); err != syscall.EACCES {
				t.Errorf("a ping socket, when nobody may have one: %v, should be EACCES", err)
			}
		}
		w.alice.Sockets.SetPingGroupRange(0, math.MaxInt32)
		to := netip.AddrPortFrom(netip.MustParseAddr(c.peer), 0)
		var all [2]Descriptor
		for i := range all {
			all[i] = must[Descriptor](t)(ordinary.Socket(c.domain, SOCK_DGRAM|SOCK_NONBLOCK, c.protocol))
			must[int](t)(all[i].SendTo([]byte{c.request, 0, 0, 0, 0, 0, 0, byte(i), 'h', 'i'}, 0, to))
		}
		for i, s := range all {
			b := make([]byte, 99)
			n, from, err := s.RecvFrom(b, 0)
			at, _ := s.GetSockName()
			if err != nil || n != 10 || b[0] != c.reply || string(b[7:n]) != string(rune(i))+"hi" ||
				uint16(b[4])<<8|uint16(b[5]) != at.Port() || from.Addr() != to.Addr() {
				t.Errorf("socket %d has received % x of %v, %v; should be the reply to its echo, with its identifier %#x",
					i, b[:n], from, err, at.Port())
			}
			if n, err := s.Recv(b, 0); err != syscall.EAGAIN {
				t.Errorf("socket %d has received %d bytes more, %v: another one's reply", i, n, err)
			}
			check(t, "close", s.Close())
		}
	}
}
