package socket_test

import (
	"fmt"
	"net/netip"
	"testing"

	. "septet/socket"
)

// What two families on one host make of each other (RFC 3493, sections 3.7 and 5.3):
// scripts as in kernelscripts_linux_test.go, whose sockets are of either.
var familyScripts = []struct {
	name string
	run  func(s *session)
}{
	{"one listener for both", dualListener},
	{"IPV6_V6ONLY", v6only},
	{"ports of two families", familyPorts},
	{"datagrams of both", dualDatagrams},
	{"IPV6_V6ONLY, once bound", v6onlyBound},
}

func TestFamiliesLikeTheKernel(t *testing.T) {
	in := scenes[1]
	in.needed(t)
	for _, sc := range familyScripts {
		t.Run(sc.name, func(t *testing.T) { playBoth(t, in, sc.run) })
	}
}

var (
	localhost4 = netip.MustParseAddr("127.0.0.1")
	localhost6 = netip.MustParseAddr("::1")
	mapped     = netip.MustParseAddr("::ffff:127.0.0.1")
)

// of makes a socket of a family.
func (s *session) of(domain, kind int) endpoint {
	before := s.domain
	s.domain = domain
	defer func() { s.domain = before }()
	return s.make(kind)
}

// dualListener: a listener on :: hears both families, and tells IPv4's addresses
// mapped.
func dualListener(s *session) {
	l := s.of(AF_INET6, SOCK_STREAM)
	s.note("bind", l.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)))
	s.note("listen", l.Listen(5))
	port := s.bound(l, "server").Port()
	for _, c := range []struct {
		domain int
		to     netip.Addr
	}{{AF_INET, localhost4}, {AF_INET6, localhost6}, {AF_INET6, mapped}} {
		e := s.of(c.domain, SOCK_STREAM)
		s.note("connect "+c.to.String(), e.Connect(netip.AddrPortFrom(c.to, port)))
		a, err := l.accept()
		if err != nil {
			s.note("accept", err)
			continue
		}
		s.open = append(s.open, a)
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
func v6only(s *session) {
	l := s.of(AF_INET6, SOCK_STREAM)
	s.option(l, SOL_IPV6, IPV6_V6ONLY)
	s.note("on", l.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1))
	s.option(l, SOL_IPV6, IPV6_V6ONLY)
	s.note("bind to a mapped address", l.Bind(netip.AddrPortFrom(mapped, 0)))
	s.note("bind", l.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)))
	s.note("listen", l.Listen(5))
	port := s.bound(l, "server").Port()
	s.note("connect by IPv4", s.of(AF_INET, SOCK_STREAM).Connect(netip.AddrPortFrom(localhost4, port)))
	s.note("connect by IPv6", s.of(AF_INET6, SOCK_STREAM).Connect(netip.AddrPortFrom(localhost6, port)))
	s.note("another for IPv4", s.of(AF_INET, SOCK_STREAM).Bind(netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		e := s.of(AF_INET6, kind)
		e.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1)
		s.note(fmt.Sprint("connect to a mapped address, kind ", kind), e.Connect(netip.AddrPortFrom(mapped, port)))
	}
	four := s.of(AF_INET, SOCK_STREAM)
	s.option(four, SOL_IPV6, IPV6_V6ONLY)
	s.note("on an IPv4 socket", four.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1))
}

// familyPorts: who stands in whose way.
func familyPorts(s *session) {
	any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, first := range []netip.Addr{any4, localhost4, any6, localhost6, mapped} {
			for _, second := range []netip.Addr{any4, localhost4, any6, localhost6, mapped} {
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
func dualDatagrams(s *session) {
	l := s.of(AF_INET6, SOCK_DGRAM)
	s.note("bind", l.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)))
	port := s.bound(l, "server").Port()
	for _, to := range []netip.Addr{localhost4, localhost6, mapped} {
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

func v6onlyBound(s *session) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		e := s.of(AF_INET6, kind)
		s.note("bind", e.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 0)))
		s.note("IPV6_V6ONLY", e.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1))
		s.option(e, SOL_IPV6, IPV6_V6ONLY)
	}
}
