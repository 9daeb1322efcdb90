package differential

import (
	"fmt"
	"net/netip"

	. "septet/socket"
)

// Groups. All is on "lo", which is interface 1 everywhere.
var groups = []script{
	{name: "joining groups", run: joining, in: only4},
	{name: "joining IPv6 groups", run: joining6, in: only4},
	{name: "sources of groups", run: sources, in: only4},
	{name: "streams and groups", run: streamGroups, in: only4},
	{name: "options for groups", run: groupOptions, in: only4},
	{name: "options of IPv6", run: options6, in: only4},
	{name: "datagrams to groups", run: groupDatagrams, in: only4},
	{name: "sources of datagrams to groups", run: groupSources, in: only4},
}

// group says which step of a script a request is.
func (s *situation) group(e Descriptor, level, name int, r GroupRequest) {
	s.note(fmt.Sprintf("setsockopt %d/%d %+v", level, name, r), setGroup(e, level, name, r))
}

func joining(s *situation) {
	g, local := netip.MustParseAddr("239.1.2.3"), netip.MustParseAddr("127.0.0.1")
	e := s.make(SOCK_DGRAM)
	for _, r := range []GroupRequest{
		{Group: g, Interface: 1}, {Group: g, Interface: 1}, {Group: g, LocalAddr: local}, {Group: local, Interface: 1},
		{Group: g, Interface: 99}, {Group: g, LocalAddr: netip.MustParseAddr("203.0.113.1")},
	} {
		s.group(e, SOL_IP, IP_ADD_MEMBERSHIP, r)
	}
	for _, r := range []GroupRequest{
		{Group: g, Interface: 99}, {Group: netip.MustParseAddr("239.9.9.9"), Interface: 1}, {Group: g, Interface: 1}, {Group: g, Interface: 1},
	} {
		s.group(e, SOL_IP, IP_DROP_MEMBERSHIP, r)
	}
	s.group(e, SOL_IP, MCAST_JOIN_GROUP, GroupRequest{Group: g, Interface: 1})
	s.group(e, SOL_IP, MCAST_LEAVE_GROUP, GroupRequest{Group: g, Interface: 1})
	for n := range byte(22) {
		s.group(e, SOL_IP, IP_ADD_MEMBERSHIP, GroupRequest{Group: netip.AddrFrom4([4]byte{239, 0, 0, 1 + n}), Interface: 1})
	}
	stream := s.make(SOCK_STREAM)
	s.group(stream, SOL_IP, IP_ADD_MEMBERSHIP, GroupRequest{Group: g, Interface: 1})
}

func joining6(s *situation) {
	g := netip.MustParseAddr("ff15::123")
	e := s.of(AF_INET6, SOCK_DGRAM)
	for _, name := range []int{IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP} {
		for _, r := range []GroupRequest{
			{Group: g, Interface: 1}, {Group: g, Interface: 1}, {Group: netip.MustParseAddr("::1"), Interface: 1},
			{Group: netip.MustParseAddr("ff15::999"), Interface: 99},
		} {
			s.group(e, SOL_IPV6, name, r)
		}
	}
	a := netip.MustParseAddr("2001:db8::1")
	for _, name := range []int{MCAST_JOIN_SOURCE_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_BLOCK_SOURCE, MCAST_LEAVE_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP} {
		s.group(e, SOL_IPV6, name, GroupRequest{Group: g, Interface: 1, Source: a})
	}
}

// streamGroups: some options make a stream a member, for nothing, others do not.
func streamGroups(s *situation) {
	g, g6, local := addr("239.1.2.3"), addr("ff15::123"), addr("127.0.0.1")
	from := addr("10.0.0.1")
	e := s.make(SOCK_STREAM)
	for _, name := range []int{IP_BLOCK_SOURCE, IP_DROP_SOURCE_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP, IP_ADD_SOURCE_MEMBERSHIP,
		IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE, IP_DROP_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP} {
		s.group(e, SOL_IP, name, GroupRequest{Group: g, LocalAddr: local, Source: from})
	}
	for _, name := range []int{MCAST_JOIN_GROUP, MCAST_BLOCK_SOURCE, MCAST_LEAVE_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP} {
		s.group(e, SOL_IP, name, GroupRequest{Group: g, Interface: 1, Source: from})
	}
	s.group(e, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, GroupRequest{Group: local, LocalAddr: local, Source: from})
	s.group(e, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, GroupRequest{Group: g, LocalAddr: addr("203.0.113.1"), Source: from})
	s.group(e, SOL_IP, MCAST_JOIN_GROUP, GroupRequest{Group: g, Interface: 99})
	e = s.of(AF_INET6, SOCK_STREAM)
	for _, name := range []int{IPV6_JOIN_GROUP, MCAST_JOIN_GROUP, MCAST_BLOCK_SOURCE, MCAST_LEAVE_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP, IPV6_LEAVE_GROUP} {
		s.group(e, SOL_IPV6, name, GroupRequest{Group: g6, Interface: 1, Source: addr("2001:db8::1")})
	}
	s.group(e, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, GroupRequest{Group: g, LocalAddr: local, Source: from})
}

func sources(s *situation) {
	g, local := netip.MustParseAddr("239.1.2.3"), netip.MustParseAddr("127.0.0.1")
	of := func(n byte) GroupRequest {
		return GroupRequest{Group: g, LocalAddr: local, Source: netip.AddrFrom4([4]byte{10, 0, 0, n})}
	}
	e := s.make(SOCK_DGRAM)
	for _, step := range []struct {
		name int
		r    GroupRequest
	}{
		{IP_BLOCK_SOURCE, of(1)}, {IP_DROP_SOURCE_MEMBERSHIP, of(1)}, // nothing was joined
		{IP_ADD_SOURCE_MEMBERSHIP, of(1)}, {IP_ADD_SOURCE_MEMBERSHIP, of(1)}, {IP_ADD_SOURCE_MEMBERSHIP, of(2)},
		{IP_BLOCK_SOURCE, of(1)}, {IP_UNBLOCK_SOURCE, of(1)},
		{IP_ADD_MEMBERSHIP, GroupRequest{Group: g, Interface: 1}},
		{IP_DROP_SOURCE_MEMBERSHIP, of(3)}, {IP_DROP_SOURCE_MEMBERSHIP, of(1)}, {IP_DROP_SOURCE_MEMBERSHIP, of(2)},
		{IP_DROP_MEMBERSHIP, GroupRequest{Group: g, Interface: 1}}, // left with its last source
		{IP_ADD_MEMBERSHIP, GroupRequest{Group: g, Interface: 1}},
		{IP_UNBLOCK_SOURCE, of(1)}, {IP_BLOCK_SOURCE, of(1)}, {IP_BLOCK_SOURCE, of(1)}, {IP_ADD_SOURCE_MEMBERSHIP, of(2)},
		{IP_UNBLOCK_SOURCE, of(1)}, {IP_UNBLOCK_SOURCE, of(1)},
		{IP_DROP_MEMBERSHIP, GroupRequest{Group: g, Interface: 1}},
	} {
		s.group(e, SOL_IP, step.name, step.r)
	}
	for n := range byte(12) {
		s.group(e, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, of(1+n))
	}
}

func groupOptions(s *situation) {
	for _, kind := range []int{SOCK_DGRAM, SOCK_STREAM} {
		e := s.make(kind)
		for _, name := range []int{IP_MULTICAST_TTL, IP_MULTICAST_LOOP} {
			if kind == SOCK_STREAM {
				s.note("set", name, e.SetSockOpt(SOL_IP, name, 2))
				continue
			}
			s.values(e, SOL_IP, name, 0, 1, 255, 256, -1, -2)
		}
		if kind == SOCK_DGRAM {
			s.values(e, SOL_IP, IP_MULTICAST_ALL, 0, 1, 2)
		}
		s.group(e, SOL_IP, IP_MULTICAST_IF, GroupRequest{Interface: 1})
		s.group(e, SOL_IP, IP_MULTICAST_IF, GroupRequest{Interface: 99})
		s.group(e, SOL_IP, IP_MULTICAST_IF, GroupRequest{LocalAddr: netip.MustParseAddr("203.0.113.1")})
	}
	e := s.make(SOCK_DGRAM)
	for _, v := range []int{0, 2, 3, 6, -1} {
		s.note("IP_MTU_DISCOVER", v, e.SetSockOpt(SOL_IP, IP_MTU_DISCOVER, v))
	}
	s.option(e, SOL_IP, IP_MTU) // not connected
}

func options6(s *situation) {
	e := s.of(AF_INET6, SOCK_DGRAM)
	s.values(e, SOL_IPV6, IPV6_UNICAST_HOPS, 1, 255, 256, -1, -2)
	s.values(e, SOL_IPV6, IPV6_TCLASS, 0, 0x20, 255, 256, -1, -2)
	s.values(e, SOL_IPV6, IPV6_MULTICAST_HOPS, 0, 1, 255, 256, -1, -2)
	s.values(e, SOL_IPV6, IPV6_MULTICAST_LOOP, 0, 1, 2)
	s.values(e, SOL_IPV6, IPV6_MULTICAST_ALL, 0, 1, 2)
	s.values(e, SOL_IPV6, IPV6_MULTICAST_IF, 1, 0, -1, 99)
	s.note("discover", e.SetSockOpt(SOL_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)) // the default differs
	s.values(e, SOL_IPV6, IPV6_MTU_DISCOVER, 3, -1)
}

// receiver is bound to a port on every address, which it shares.
func (s *situation) receiver(port uint16) Descriptor {
	e := s.make(SOCK_DGRAM)
	s.note("share", e.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	s.note("bind", e.Bind(netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	return e
}

// heard notes what waits at each of some sockets.
func (s *situation) heard(what string, all ...Descriptor) {
	s.settle()
	for n, e := range all {
		b := make([]byte, 100)
		got, _, err := e.RecvFrom(b, MSG_DONTWAIT)
		s.note(fmt.Sprintf("%s: %d", what, n), string(b[:got]), err)
	}
}

func groupDatagrams(s *situation) {
	g := GroupRequest{Group: netip.MustParseAddr("239.1.2.3"), Interface: 1}
	joined := s.receiver(0)
	port := s.bound(joined, "group").Port()
	to := netip.AddrPortFrom(g.Group, port)
	other, only, picky := s.receiver(port), s.receiver(port), s.make(SOCK_DGRAM)
	s.note("share", picky.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	s.note("bind to the group", picky.Bind(to))
	s.note("only own groups", only.SetSockOpt(SOL_IP, IP_MULTICAST_ALL, 0))
	sender := s.make(SOCK_DGRAM)
	s.group(sender, SOL_IP, IP_MULTICAST_IF, g)
	say := func(text string) {
		n, err := sender.SendTo([]byte(text), 0, to)
		s.note("send "+text, n, err)
		s.heard(text, joined, other, only, picky)
	}
	say("nobody has joined")
	s.group(joined, SOL_IP, IP_ADD_MEMBERSHIP, g)
	say("one has joined")
	s.group(only, SOL_IP, IP_ADD_MEMBERSHIP, g)
	s.note("bound to the group wants its own", picky.SetSockOpt(SOL_IP, IP_MULTICAST_ALL, 0))
	say("two have joined")
	s.note("no loop", sender.SetSockOpt(SOL_IP, IP_MULTICAST_LOOP, 0))
	say("without a loop") // "lo" delivers all the same
	s.note("loop", sender.SetSockOpt(SOL_IP, IP_MULTICAST_LOOP, 1))
	s.note("no hops", sender.SetSockOpt(SOL_IP, IP_MULTICAST_TTL, 0))
	say("zero hops")
	joined.Close()
	s.group(only, SOL_IP, IP_DROP_MEMBERSHIP, g)
	s.settle()
	n, err := sender.SendTo([]byte("all have left"), 0, to)
	s.note("send", n, err)
	s.heard("all have left", other, only, picky)
}

func groupSources(s *situation) {
	g := netip.MustParseAddr("239.1.2.3")
	req := GroupRequest{Group: g, LocalAddr: loopback4, Source: loopback4}
	elsewhere := req
	elsewhere.Source = netip.MustParseAddr("10.0.0.77")
	one := s.receiver(0)
	port := s.bound(one, "group").Port()
	two := s.receiver(port)
	sender := s.make(SOCK_DGRAM)
	s.note("bind", sender.Bind(s.at(0)))
	s.group(sender, SOL_IP, IP_MULTICAST_IF, GroupRequest{Group: g, Interface: 1})
	say := func(text string) {
		n, err := sender.SendTo([]byte(text), 0, netip.AddrPortFrom(g, port))
		s.note("send "+text, n, err)
		s.heard(text, one, two)
	}
	s.group(one, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, req)
	s.group(two, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, elsewhere)
	say("one wants it, two wants another")
	s.group(two, SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, req)
	say("both want it")
	s.group(one, SOL_IP, IP_DROP_SOURCE_MEMBERSHIP, req)
	s.group(two, SOL_IP, IP_DROP_SOURCE_MEMBERSHIP, req)
	say("nobody wants it")
	s.group(two, SOL_IP, IP_DROP_SOURCE_MEMBERSHIP, elsewhere)
	s.group(one, SOL_IP, IP_ADD_MEMBERSHIP, GroupRequest{Group: g, Interface: 1})
	s.group(two, SOL_IP, IP_ADD_MEMBERSHIP, GroupRequest{Group: g, Interface: 1})
	s.group(two, SOL_IP, IP_BLOCK_SOURCE, req)
	say("two has blocked it")
}
