package socket_test

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/physical"
	. "septet/socket"
)

// ListenMulticastUDP hears a group in either family, shares its port, and does not hear
// itself.
func TestListenMulticastUDP(t *testing.T) {
	needsIPv4(t, "it speaks both families beside it")
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	w.loop.Lock()
	check(t, "IPv6 of alice", w.alice.Network.Interfaces()[1].AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	check(t, "IPv6 of bob", w.bob.Network.Interfaces()[1].AddAddress(netip.MustParsePrefix("2001:db8::2/64")))
	w.loop.Unlock()
	for _, c := range []struct{ network, group string }{
		{"udp", "239.1.2.3:5000"}, {"udp4", "239.1.2.3:5000"}, {"udp6", "[ff15::123]:5000"}, {"udp", "[ff15::123]:5000"},
	} {
		group := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.group))
		listen := func() *UDPConn { return must[*UDPConn](t)(w.bob.Sockets.ListenMulticastUDP(c.network, "eth0", group)) }
		one, two := listen(), listen()
		sender := must[*UDPConn](t)(w.alice.Sockets.ListenMulticastUDP(c.network, "eth0", group))
		must[int](t)(sender.WriteTo([]byte("hello"), group))
		for _, r := range []*UDPConn{one, two, sender} {
			check(t, "deadline", r.SetReadDeadline(w.alice.Sockets.Now().Add(time.Second)))
			b := make([]byte, 100)
			n, _, err := r.ReadFrom(b)
			if heard := err == nil && string(b[:n]) == "hello"; heard != (r != sender) {
				t.Errorf("%s %s: read %q, %v; the sender does not hear itself, the others do", c.network, c.group, b[:n], err)
			}
			check(t, "close", r.Close())
		}
	}
	for name, c := range map[string]struct{ network, ifi, group string }{
		"no group":          {"udp", "eth0", "10.0.0.1:5000"},
		"another family":    {"udp6", "eth0", "239.1.2.3:5000"},
		"no such interface": {"udp", "eth9", "239.1.2.3:5000"},
		"no such network":   {"tcp", "eth0", "239.1.2.3:5000"},
	} {
		group := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(c.group))
		if _, err := w.bob.Sockets.ListenMulticastUDP(c.network, c.ifi, group); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n := w.bob.Sockets.Open(); n != 0 {
		t.Errorf("%d sockets are left", n)
	}
}

// A raw socket hears the groups that were joined, and sends to groups with one hop.
func TestRawGroups(t *testing.T) {
	needsIPv4(t, "raw sockets")
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	a := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_RAW, 253))
	b := must[*Socket](t)(w.bob.Socket(AF_INET, SOCK_RAW, 253))
	group := GroupRequest{Group: netip.MustParseAddr("239.1.2.3"), Interface: 2}
	check(t, "if", a.SetSockOptGroup(SOL_IP, IP_MULTICAST_IF, group))
	check(t, "own groups", b.SetSockOpt(SOL_IP, IP_MULTICAST_ALL, 0))
	check(t, "join", b.SetSockOptGroup(SOL_IP, IP_ADD_MEMBERSHIP, group))
	check(t, "timeout", b.SetSockOptTimeout(SO_RCVTIMEO, time.Second))
	must[int](t)(a.SendTo([]byte("hello"), 0, netip.AddrPortFrom(group.Group, 0)))
	buf := make([]byte, 100)
	n, _, err := b.RecvFrom(buf, 0)
	check(t, "receive", err)
	if string(buf[20:n]) != "hello" || buf[8] != 1 {
		t.Errorf("received %q with TTL %d, want hello with 1", buf[20:n], buf[8])
	}
	check(t, "leave", b.SetSockOptGroup(SOL_IP, IP_DROP_MEMBERSHIP, group))
	must[int](t)(a.SendTo([]byte("hello"), 0, netip.AddrPortFrom(group.Group, 0)))
	if _, _, err := b.RecvFrom(buf, 0); err != syscall.EAGAIN {
		t.Errorf("after the group was left: %v, want EAGAIN", err)
	}
}

// A stream that joins makes its host a member, as on Linux, until it is closed: who hears all
// that the host has joined, hears the group then.
func TestStreamJoins(t *testing.T) {
	needsIPv4(t, "membership by source")
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	a := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_DGRAM, 0))
	b := must[*Socket](t)(w.bob.Socket(AF_INET, SOCK_DGRAM, 0))
	stream := must[*Socket](t)(w.bob.Socket(AF_INET, SOCK_STREAM, 0))
	group := GroupRequest{Group: netip.MustParseAddr("239.1.2.3"), Interface: 2}
	at := netip.AddrPortFrom(group.Group, 7000)
	check(t, "if", a.SetSockOptGroup(SOL_IP, IP_MULTICAST_IF, group))
	check(t, "bind", b.Bind(netip.AddrPortFrom(netip.Addr{}, at.Port())))
	heard := func() bool {
		must[int](t)(a.SendTo([]byte("hello"), 0, at))
		check(t, "run", w.loop.Run(w.loop.Now().Add(time.Second)))
		_, err := b.Recv(make([]byte, 10), MSG_DONTWAIT)
		return err == nil
	}
	check(t, "join", stream.SetSockOptGroup(SOL_IP, MCAST_JOIN_GROUP, group))
	if !heard() {
		t.Error("the host does not hear a group that a stream has joined")
	}
	check(t, "close", stream.Close())
	if heard() {
		t.Error("the host hears the group after the stream was closed")
	}
}
