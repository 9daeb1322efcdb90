package differential

import (
	"fmt"
	"net/netip"

	. "septet/socket"
	"septet/socket/name"
)

// Names over the calls of a machine: what package name finds by what the System tells it
// of itself. That its answers are glibc's for the same files is tested there.

var names = []script{
	{name: "hosts and services that are numbers", run: numericNames, in: only4},
	{name: "AI_ADDRCONFIG", run: configuredFamilies, in: only4, wire: true},
	{name: "AI_ADDRCONFIG, nothing but loopback to talk to", run: configuredFamilies, in: only4, lonely: true},
	{name: "localhost", run: localhostNames, in: only4},
	{name: "zones", run: zoneNames, in: only4, wire: true},
	{name: "order of addresses", run: addressOrder, in: only4, wire: true},
	{name: "a server found by name", run: servedByName},
	{name: "interfaces", run: interfaceNames, in: only4, wire: true},
}

func (s *situation) addrInfo(node, service string, h *name.Hints) {
	list, err := name.GetAddrInfo(s.sys, node, service, h)
	s.note(fmt.Sprintf("getaddrinfo %q %q %+v", node, service, h), err)
	for _, a := range list {
		s.log = append(s.log, fmt.Sprintf("  %+v", a))
	}
}

func numericNames(s *situation) {
	for _, family := range []int{AF_UNSPEC, AF_INET, AF_INET6, 99} {
		for _, node := range []string{"", "127.0.0.1", "127.1", "0x7f.1", "::1", "::ffff:1.2.3.4", "1.2.3.4.5"} {
			for _, flags := range []int{name.AI_NUMERICHOST, name.AI_NUMERICHOST | name.AI_PASSIVE, name.AI_NUMERICHOST | name.AI_V4MAPPED} {
				s.addrInfo(node, "80", &name.Hints{Family: family, SockType: SOCK_STREAM, Flags: flags})
			}
		}
	}
	for _, service := range []string{"", "0", "65535", "65536", "-1", "80 "} {
		s.addrInfo("127.0.0.1", service, &name.Hints{SockType: SOCK_DGRAM, Flags: name.AI_NUMERICSERV})
	}
	for _, a := range []string{"127.0.0.1:80", "[::1]:65535", "[2001:db8::]:0"} {
		node, service, err := name.GetNameInfo(s.sys, netip.MustParseAddrPort(a), name.NI_NUMERICHOST|name.NI_NUMERICSERV)
		s.note("getnameinfo "+a, node, service, err)
	}
}

func configuredFamilies(s *situation) {
	for _, family := range []int{AF_UNSPEC, AF_INET, AF_INET6} {
		for _, node := range []string{"127.0.0.1", "::1", ""} {
			s.addrInfo(node, "7", &name.Hints{Family: family, SockType: SOCK_STREAM, Flags: name.AI_ADDRCONFIG | name.AI_NUMERICHOST})
		}
	}
}

func localhostNames(s *situation) {
	// Of IPv6 not every machine's files say it.
	list, err := name.GetAddrInfo(s.sys, "localhost", "80", &name.Hints{Family: AF_INET, SockType: SOCK_STREAM})
	s.note("getaddrinfo", len(list) > 0 && list[0].Addr.Addr().IsLoopback(), err)
	a, err := name.GetHostByName(s.sys, "localhost")
	s.note("gethostbyname", a, err)
}

func zoneNames(s *situation) {
	for _, node := range []string{"fe80::1%eth0", "fe80::1%nope", "fe80::1", "2001:db8::1%eth0"} {
		list, err := name.GetAddrInfo(s.sys, node, "", &name.Hints{SockType: SOCK_STREAM, Flags: name.AI_NUMERICHOST})
		s.note("getaddrinfo "+node, len(list), err)
		for _, a := range list {
			s.log = append(s.log, "  "+a.Addr.Addr().Zone())
		}
	}
}

// addressOrder is what RFC 6724 sorts by: the source addresses that connect picks.
func addressOrder(s *situation) {
	for _, to := range []string{"192.0.2.2:7", "198.51.100.1:7", "[2001:db8::2]:7", "[2001:db8:dead::1]:7", "127.0.0.1:7", "[::1]:7"} {
		a := netip.MustParseAddrPort(to)
		domain := AF_INET
		if a.Addr().Is6() {
			domain = AF_INET6
		}
		d := s.of(domain, SOCK_DGRAM)
		s.note("connect "+to, d.Connect(a))
		own, err := d.GetSockName()
		s.note("source", own.Addr(), err)
	}
}

func servedByName(s *situation) {
	_, a := s.listener()
	list, err := name.GetAddrInfo(s.sys, a.Addr().Unmap().String(), fmt.Sprint(a.Port()), &name.Hints{Family: s.domain, SockType: SOCK_STREAM,
		Flags: name.AI_NUMERICHOST | name.AI_V4MAPPED})
	s.must("getaddrinfo", err)
	for _, found := range list {
		d := s.of(found.Family, found.SockType)
		s.note("connect", d.Connect(found.Addr))
		s.peerName(d)
	}
}

func interfaceNames(s *situation) {
	for _, n := range []string{"lo", "eth0", "nope", ""} {
		i, err := s.sys.InterfaceIndex(n)
		s.note("if_nametoindex "+n, i > 0, err)
		if err == nil {
			back, err := s.sys.InterfaceName(i)
			s.note("if_indextoname", back, err)
		}
	}
	for _, i := range []int{-1, 0, 12345} {
		n, err := s.sys.InterfaceName(i)
		s.note(fmt.Sprint("if_indextoname ", i), n, err)
	}
	own, ok := s.sys.(interface {
		GetIfAddrs() ([]netip.Prefix, error)
	})
	if !ok {
		s.note("there is no getifaddrs")
		return
	}
	all, err := own.GetIfAddrs()
	s.note("getifaddrs", err)
	for _, p := range all {
		if !p.Addr().IsLinkLocalUnicast() { // of the card's number
			s.note("  address", p)
		}
	}
}
