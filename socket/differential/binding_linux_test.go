package differential

import (
	"fmt"
	"net/netip"

	. "septet/socket"
)

// Who may bind to what somebody else has.

// holder is what the first socket does with its port before the second one comes.
type holder struct {
	name string
	kind int
	hold func(s *situation, a netip.Addr, reuse int) (port uint16)
}

func held(s *situation, d Descriptor, a netip.Addr, reuse int) uint16 {
	s.must("SO_REUSEADDR", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, reuse))
	return s.bind(d, a, "held").Port()
}

var holders = []holder{
	{"bound", SOCK_STREAM, func(s *situation, a netip.Addr, reuse int) uint16 {
		return held(s, s.make(SOCK_STREAM), a, reuse)
	}},
	{"listening", SOCK_STREAM, func(s *situation, a netip.Addr, reuse int) uint16 {
		_, port := s.heldListener(a, reuse)
		return port
	}},
	{"connected", SOCK_STREAM, func(s *situation, a netip.Addr, reuse int) uint16 {
		_, server := s.listener()
		d := s.make(SOCK_STREAM)
		port := held(s, d, a, reuse)
		s.must("connect", d.Connect(server))
		return port
	}},
	{"accepted, the listener closed", SOCK_STREAM, func(s *situation, a netip.Addr, reuse int) uint16 {
		l, port := s.heldListener(a, reuse)
		c := s.make(SOCK_STREAM)
		s.must("connect", c.Connect(s.at(port)))
		_, err := s.accept(l)
		s.must("accept", err, l.Close())
		return port
	}},
	{"in TIME-WAIT", SOCK_STREAM, func(s *situation, a netip.Addr, reuse int) uint16 {
		l, port := s.heldListener(a, reuse)
		c := s.make(SOCK_STREAM)
		s.must("connect", c.Connect(s.at(port)))
		d, err := s.accept(l)
		s.must("accept", err, l.Close(), d.Close())
		s.settle()
		s.must("close", c.Close())
		s.settle()
		return port
	}},
	{"closed", SOCK_STREAM, func(s *situation, a netip.Addr, reuse int) uint16 {
		d := s.make(SOCK_STREAM)
		port := held(s, d, a, reuse)
		s.must("close", d.Close())
		return port
	}},
	{"bound", SOCK_DGRAM, func(s *situation, a netip.Addr, reuse int) uint16 {
		return held(s, s.make(SOCK_DGRAM), a, reuse)
	}},
	{"connected", SOCK_DGRAM, func(s *situation, a netip.Addr, reuse int) uint16 {
		peer, d := s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
		port := held(s, d, a, reuse)
		s.must("connect", d.Connect(s.bind(peer, s.loopback, "peer")))
		return port
	}},
}

func (s *situation) heldListener(a netip.Addr, reuse int) (Descriptor, uint16) {
	l := s.make(SOCK_STREAM)
	port := held(s, l, a, reuse)
	s.must("listen", l.Listen(5))
	return l, port
}

// bindings are all holders with all settings of SO_REUSEADDR, and all pairs of addresses
// in each.
var bindings = func() (list []script) {
	for _, h := range holders {
		for reuse := range 4 {
			first, second := reuse&1, reuse>>1
			name := fmt.Sprintf("kind %d %s, reuse %d and %d", h.kind, h.name, first, second)
			list = append(list, script{name: name, run: func(s *situation) { s.takes(h, first, second) }})
		}
	}
	return append(list, moreBindings...)
}()

// takes has a second socket bind to what the first holds, and listen.
func (s *situation) takes(h holder, first, second int) {
	for _, pair := range []struct{ has, wants netip.Addr }{
		{s.loopback, s.loopback}, {s.any, s.loopback}, {s.loopback, s.any}, {s.any, s.any}, {s.loopback, s.other},
	} {
		what := fmt.Sprintf("%v is held, %v is wanted", pair.has, pair.wants)
		port := h.hold(s, pair.has, first)
		d := s.make(h.kind)
		s.must("SO_REUSEADDR", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, second))
		err := d.Bind(netip.AddrPortFrom(pair.wants, port))
		s.note(what, err)
		if err != nil || h.kind != SOCK_STREAM {
			continue
		}
		s.note("listen", d.Listen(1))
	}
}

var moreBindings = []script{
	{name: "port 0 gives different ports", run: differentPorts},
	{name: "reuse allowed after the bind", run: reuseLater},
	{name: "two bound, one listens", run: twoBoundOneListens},
	{name: "the family of the address", run: bindFamilies},
	{name: "privileged ports", run: privilegedPorts, user: true},
	{name: "raw sockets without privilege", run: rawWithoutPrivilege, user: true},
	{name: "streams and datagrams do not meet", run: kindsApart},
	{name: "dual stack", run: dualBindings, in: only6},
	{name: "the last port", run: lastPort},
	{name: "to groups and broadcast", run: bindGroups},
	{name: "of the link", run: bindLink, wire: true},
}

func differentPorts(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		seen := map[uint16]bool{}
		for range 50 {
			d := s.make(kind)
			s.must("bind", d.Bind(s.at(0)))
			a, err := d.GetSockName()
			s.must("getsockname", err)
			if seen[a.Port()] || a.Port() < 32768 || a.Port() > 60999 {
				s.note("port", a.Port())
			}
			seen[a.Port()] = true
		}
		s.note("ports of 50", len(seen))
	}
}

func reuseLater(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		a, b := s.make(kind), s.make(kind)
		at := s.bind(a, s.loopback, "a")
		s.note("reuse", b.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
		s.note("only the second allows it", b.Bind(at))
		s.note("reuse", a.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
		s.note("both allow it", b.Bind(at))
		s.note("no reuse", a.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 0))
		c := s.make(kind)
		s.note("reuse", c.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
		s.note("one no longer does", c.Bind(at))
	}
}

func twoBoundOneListens(s *situation) {
	a, b, c := s.make(SOCK_STREAM), s.make(SOCK_STREAM), s.make(SOCK_STREAM)
	for _, d := range []Descriptor{a, b, c} {
		s.note("reuse", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	}
	at := s.bind(a, s.loopback, "a")
	s.note("bind", b.Bind(at))
	s.note("listen", a.Listen(1))
	s.note("listen on the other", b.Listen(1))
	s.note("bind a third", c.Bind(at))
	s.note("bind a third to all", c.Bind(netip.AddrPortFrom(s.any, at.Port())))
	s.note("close", a.Close())
	s.note("listen on the other", b.Listen(1))
	s.note("connect", s.make(SOCK_STREAM).Connect(at))
}

func bindFamilies(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, a := range []string{"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0"} {
			d := s.make(kind)
			s.note(fmt.Sprintf("kind %d to %s", kind, a), d.Bind(netip.AddrPortFrom(addr(a), 0)))
			s.sockName(d)
		}
	}
}

func privilegedPorts(s *situation) {
	s.startOn(s.user, func(s *situation) {
		for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
			for _, port := range []uint16{1, 7, 80, 1023} {
				d := s.make(kind)
				s.note(fmt.Sprintf("kind %d, port %d", kind, port), d.Bind(s.at(port)))
				s.note("elsewhere", d.Bind(netip.AddrPortFrom(s.elsewhere, port)))
				s.note("another family", d.Bind(netip.AddrPortFrom(addr("::2"), port)))
				s.note("to all", d.Bind(netip.AddrPortFrom(s.any, port)))
				s.note("port 0", d.Bind(s.at(0)))
				s.note("bound already", d.Bind(s.at(port)))
			}
		}
	})
}

func rawWithoutPrivilege(s *situation) {
	s.startOn(s.user, func(s *situation) {
		for _, protocol := range []int{0, 1, 58, 255, 256, -1} {
			_, err := s.sys.Socket(AF_INET, SOCK_RAW, protocol)
			s.note(fmt.Sprint("protocol ", protocol), err)
		}
	})
}

func kindsApart(s *situation) {
	a, b := s.make(SOCK_STREAM), s.make(SOCK_DGRAM)
	at := s.bind(a, s.loopback, "a")
	s.note("bind", b.Bind(at))
	s.note("listen", a.Listen(1))
	c := s.make(SOCK_DGRAM)
	s.note("connect", c.Connect(at))
}

// dualBindings: sockets of both families, IPV6_V6ONLY and SO_REUSEADDR in every
// combination.
func dualBindings(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for flags := range 16 {
			v6only, reuse4, reuse6, fourFirst := flags&1, flags>>1&1, flags>>2&1, flags>>3 != 0
			four, six := s.of(AF_INET, kind), s.of(AF_INET6, kind)
			s.must("options", six.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, v6only),
				four.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, reuse4), six.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, reuse6))
			what := fmt.Sprintf("kind %d, v6only %d, reuse %d and %d", kind, v6only, reuse4, reuse6)
			any4, any6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
			if fourFirst {
				port := s.bind(four, any4, "port").Port()
				s.note(what+", :: second", six.Bind(netip.AddrPortFrom(any6, port)))
			} else {
				port := s.bind(six, any6, "port").Port()
				s.note(what+", 0.0.0.0 second", four.Bind(netip.AddrPortFrom(any4, port)))
			}
			if kind == SOCK_STREAM {
				s.note("listen", four.Listen(1))
				s.note("listen", six.Listen(1))
			}
		}
	}
}

func lastPort(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		d := s.make(kind)
		s.note("reuse", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
		s.note("bind", d.Bind(s.at(65535)))
		a, err := d.GetSockName()
		s.note("port", a.Port(), err)
	}
}

func bindGroups(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, a := range []string{"224.0.0.1", "239.1.2.3", "255.255.255.255", "127.255.255.255", "240.0.0.1", "0.0.0.1", "ff15::1", "ff02::1"} {
			to := addr(a)
			if to.Is4() && s.domain == AF_INET6 {
				to = netip.AddrFrom16(to.As16())
			}
			d := s.make(kind)
			s.note(fmt.Sprintf("kind %d to %v", kind, to), d.Bind(netip.AddrPortFrom(to, 0)))
		}
	}
}

func bindLink(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, a := range []netip.Addr{s.near, s.far, s.absent} {
			d := s.make(kind)
			s.note(fmt.Sprintf("kind %d to %v", kind, a), d.Bind(netip.AddrPortFrom(a, 0)))
		}
		if s.domain == AF_INET {
			for _, a := range []string{"192.0.2.255", "192.0.2.0"} {
				s.note(fmt.Sprintf("kind %d to %v", kind, a), s.make(kind).Bind(netip.AddrPortFrom(addr(a), 0)))
			}
		}
	}
}
