package differential

import (
	"fmt"
	"net/netip"

	. "septet/socket"
)

// What two families on one host make of each other (RFC 3493, sections 3.7 and 5.3):
// situations whose sockets are of either.
var families = []script{
	{name: "one listener for both", run: dualListener, in: only6},
	{name: "IPV6_V6ONLY", run: v6only, in: only6},
	{name: "ports of two families", run: familyPorts, in: only6},
	{name: "datagrams of both", run: dualDatagrams, in: only6},
	{name: "IPV6_V6ONLY, once bound", run: v6onlyBound, in: only6},
}

var (
	loopback4      = netip.MustParseAddr("127.0.0.1")
	loopback6      = netip.MustParseAddr("::1")
	loopbackMapped = netip.MustParseAddr("::ffff:127.0.0.1")
)

// dualListener: a listener on :: hears both families, and tells IPv4's addresses
// mapped.
func dualListener(s *situation) {
	l := s.of(AF_INET6, SOCK_STREAM)
	s.note("bind", l.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)))
	s.note("listen", l.Listen(5))
	port := s.bound(l, "server").Port()
	for _, c := range []struct {
		domain int
		to     netip.Addr
	}{{AF_INET, loopback4}, {AF_INET6, loopback6}, {AF_INET6, loopbackMapped}} {
		e := s.of(c.domain, SOCK_STREAM)
		s.note("connect "+c.to.String(), e.Connect(netip.AddrPortFrom(c.to, port)))
		a, err := s.accept(l)
		if err != nil {
			s.note("accept", err)
			continue
		}
		s.bound(e, "client")
		name, err := a.GetPeerName()
		s.note("accepted's peer", name, err)
		name, err = a.GetSockName()
		s.note("accepted's own", name, err)
		name, err = e.GetPeerName()
		s.note("client's peer", name, err)
		s.option(a, SOL_SOCKET, SO_DOMAIN)
		s.option(a, SOL_IPV6, IPV6_V6ONLY)
		s.send(e, "hello")
		s.settle()
		s.recv(a, 10, 0)
	}
}

// v6only: such a socket leaves IPv4 to others.
func v6only(s *situation) {
	l := s.of(AF_INET6, SOCK_STREAM)
	s.option(l, SOL_IPV6, IPV6_V6ONLY)
	s.note("on", l.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1))
	s.option(l, SOL_IPV6, IPV6_V6ONLY)
	s.note("bind to a loopbackMapped address", l.Bind(netip.AddrPortFrom(loopbackMapped, 0)))
	s.note("bind", l.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)))
	s.note("listen", l.Listen(5))
	port := s.bound(l, "server").Port()
	s.note("connect by IPv4", s.of(AF_INET, SOCK_STREAM).Connect(netip.AddrPortFrom(loopback4, port)))
	s.note("connect by IPv6", s.of(AF_INET6, SOCK_STREAM).Connect(netip.AddrPortFrom(loopback6, port)))
	s.note("another for IPv4", s.of(AF_INET, SOCK_STREAM).Bind(netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		e := s.of(AF_INET6, kind)
		e.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1)
		s.note(fmt.Sprint("connect to a loopbackMapped address, kind ", kind), e.Connect(netip.AddrPortFrom(loopbackMapped, port)))
	}
	four := s.of(AF_INET, SOCK_STREAM)
	s.option(four, SOL_IPV6, IPV6_V6ONLY)
	s.note("on an IPv4 socket", four.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1))
}

// familyPorts: who stands in whose way.
func familyPorts(s *situation) {
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, first := range []netip.Addr{any4, loopback4, any6, loopback6, loopbackMapped} {
			for _, second := range []netip.Addr{any4, loopback4, any6, loopback6, loopbackMapped} {
				a, b := s.of(domainOf(first), kind), s.of(domainOf(second), kind)
				if err := a.Bind(netip.AddrPortFrom(first, 0)); err != nil {
					s.note("bind to "+first.String(), err)
					continue
				}
				port := s.bound(a, "first").Port()
				s.note(fmt.Sprintf("kind %d: %v has the port, bind to %v", kind, first, second), b.Bind(netip.AddrPortFrom(second, port)))
				a.Close()
				b.Close()
			}
		}
	}
}

func domainOf(a netip.Addr) int {
	if a.Is4() {
		return AF_INET
	}
	return AF_INET6
}

// dualDatagrams: a socket bound to :: hears both families and answers each in its own.
func dualDatagrams(s *situation) {
	l := s.of(AF_INET6, SOCK_DGRAM)
	s.note("bind", l.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)))
	port := s.bound(l, "server").Port()
	for _, to := range []netip.Addr{loopback4, loopback6, loopbackMapped} {
		e := s.of(domainOf(to), SOCK_DGRAM)
		n, err := e.SendTo([]byte("question"), 0, netip.AddrPortFrom(to, port))
		s.note("sendto "+to.String(), n, err)
		s.bound(e, "client")
		s.settle()
		b := make([]byte, 20)
		n, from, err := l.RecvFrom(b, 0)
		s.note("recvfrom", string(b[:n]), from, err)
		n, err = l.SendTo([]byte("answer"), 0, from)
		s.note("sendto", n, err)
		s.settle()
		n, from, err = e.RecvFrom(b, 0)
		s.note("recvfrom", string(b[:n]), from, err)
		s.note("connect", e.Connect(netip.AddrPortFrom(to, port)))
		a, err := e.GetSockName()
		s.note("getsockname", a, err)
		s.note("disconnect", e.Connect(netip.AddrPort{}))
		a, err = e.GetSockName()
		s.note("getsockname", a, err)
	}
}

func v6onlyBound(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		e := s.of(AF_INET6, kind)
		s.note("bind", e.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)))
		s.note("IPV6_V6ONLY", e.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1))
		s.option(e, SOL_IPV6, IPV6_V6ONLY)
	}
}
