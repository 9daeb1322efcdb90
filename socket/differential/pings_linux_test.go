package differential

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"

	. "septet/socket"
)

// Ping sockets: SOCK_DGRAM for ICMP (icmp(7)).

var pings = []script{
	{name: "at first nobody may", run: pingsRefused, in: only4, lonely: true},
	{name: "kinds and protocols", run: pingKinds, wire: true},
	{name: "identifiers", run: pingIdentifiers, wire: true},
	{name: "addresses to bind to", run: pingAddresses, wire: true},
	{name: "what may be sent", run: pingMessages, wire: true},
	{name: "an echo", run: pingEcho, wire: true},
	{name: "an echo, connected", run: pingConnected, wire: true},
	{name: "an echo to oneself", run: pingSelf, wire: true},
	{name: "several at once", run: pingSeveral, wire: true},
	{name: "what is told of a reply", run: pingTold, wire: true},
	{name: "options", run: pingOptions, wire: true},
}

// allGroups is what most distributions of Linux set: everybody may ping.
const allGroups = "0 2147483647"

func letPing(sockets *Stack) { sockets.SetPingGroupRange(0, math.MaxInt32) }

func pingsRefused(s *situation) {
	for _, domain := range []int{AF_INET, AF_INET6} {
		for _, protocol := range []int{IPPROTO_ICMP, IPPROTO_ICMPV6} {
			_, err := s.sys.Socket(domain, SOCK_DGRAM, protocol)
			s.note(fmt.Sprint("socket ", domain, protocol), err)
		}
	}
}

func pingKinds(s *situation) {
	for _, kind := range []int{SOCK_DGRAM, SOCK_STREAM, SOCK_DGRAM | SOCK_NONBLOCK} {
		for _, protocol := range []int{IPPROTO_ICMP, IPPROTO_ICMPV6} {
			d, err := s.sys.Socket(s.domain, kind, protocol)
			if s.note(fmt.Sprint("socket ", kind, protocol), err); err == nil {
				s.closeLater(d)
				_, _, err = d.Accept()
				s.note("accept", err)
				s.note("listen", d.Listen(1))
				s.option(d, SOL_SOCKET, SO_TYPE)
				s.option(d, SOL_SOCKET, SO_PROTOCOL)
				s.option(d, SOL_SOCKET, SO_DOMAIN)
			}
		}
	}
}

// ping makes a ping socket; nil in a family that has none.
func (s *situation) ping() Descriptor {
	switch {
	case s.name4():
		return nil
	case s.domain == AF_INET6:
		return s.on(s.sys, AF_INET6, SOCK_DGRAM|SOCK_NONBLOCK, IPPROTO_ICMPV6)
	}
	return s.on(s.sys, AF_INET, SOCK_DGRAM|SOCK_NONBLOCK, IPPROTO_ICMP)
}

// echo is a request with an identifier of no meaning and no checksum.
func (s *situation) echo(text string) []byte {
	kind := byte(8)
	if s.domain == AF_INET6 {
		kind = 128
	}
	return append([]byte{kind, 0, 0, 0, 0xab, 0xcd, 0, 7}, text...)
}

// replies receives until nothing is there.
func (s *situation) replies(what string, d Descriptor, flags int) {
	at, _ := d.GetSockName()
	for range 5 {
		b := make([]byte, 40)
		n, from, err := d.RecvFrom(b[:30], flags)
		ours := false
		if n >= 8 {
			ours = binary.BigEndian.Uint16(b[4:]) == at.Port()
			copy(b[2:6], make([]byte, 4)) // the checksum and an identifier that was chosen
		}
		if s.note(what, n, hex.EncodeToString(b[:min(n, 30)]), ours, from.Addr(), from.Port(), err); err != nil {
			return
		}
	}
}

func pingIdentifiers(s *situation) {
	if s.name4() {
		return
	}
	bind := func(what string, d Descriptor, ident uint16) {
		s.note(what, d.Bind(netip.AddrPortFrom(s.any, ident)))
		if ident != 0 {
			s.sockName(d)
		}
	}
	a, b, c := s.ping(), s.ping(), s.ping()
	s.sockName(a)
	bind("any", a, 0)
	at, err := a.GetSockName()
	s.note("chosen", at.Port() != 0, err)
	bind("again", a, 0)
	bind("again, another", a, 4242)
	bind("below 1024", b, 77)
	bind("the same", c, 77)
	s.note("share", c.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	bind("the same, one shares", c, 77)
	s.note("share", b.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	bind("the same, both share", c, 77)
	d := s.ping()
	s.note("of an address", d.Bind(netip.AddrPortFrom(s.near, 78)))
	e := s.ping()
	s.note("the same, of another address", e.Bind(netip.AddrPortFrom(s.loopback, 78)))
	s.note("close", d.Close())
	s.note("the same, closed", e.Bind(netip.AddrPortFrom(s.loopback, 78)))
	s.note("disconnect", e.Connect(netip.AddrPort{}))
	s.sockName(e)
	for _, text := range []string{"first", "second"} {
		f := s.ping()
		bind(text, f, 90)
		n, err := f.SendTo(s.echo(text), 0, netip.AddrPortFrom(s.far, 0))
		s.note("send", n, err)
		s.settle()
		s.replies(text, f, 0)
		defer func() { s.replies(text+" at the end", f, 0) }()
		n, err = e.SendTo(s.echo(text), 0, netip.AddrPortFrom(s.far, 0))
		s.note("send", n, err)
	}
	s.note("share no more", e.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 0))
	bind("taken", e, 90)
	six, err := s.sys.Socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6)
	s.must("socket", err)
	s.closeLater(six)
	s.note("the same of IPv6", six.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 78)))
}

func pingAddresses(s *situation) {
	if s.name4() {
		return
	}
	list := []string{"192.0.2.1", "192.0.2.255", "255.255.255.255", "224.0.0.1", "192.0.2.2", "127.0.0.9", "0.0.0.0"}
	if s.domain == AF_INET6 {
		list = []string{"2001:db8::1", "2001:db8::2", "ff02::1", "::1", "::", "fe80::1"}
	}
	for _, text := range list {
		d := s.ping()
		s.note("bind "+text, d.Bind(netip.AddrPortFrom(netip.MustParseAddr(text), 99)))
		s.sockName(d)
	}
}

func pingMessages(s *situation) {
	if s.name4() {
		return
	}
	d, to := s.ping(), netip.AddrPortFrom(s.far, 0)
	send := func(what string, b []byte, flags int, to netip.AddrPort) {
		n, err := d.SendTo(b, flags, to)
		s.note("send "+what, n, err)
	}
	whole := s.echo("hello")
	send("to nobody", whole, 0, netip.AddrPort{})
	at, _ := d.GetSockName()
	s.note("has an identifier", at.Port() != 0)
	send("nothing", nil, 0, to)
	send("less", whole[:7], 0, to)
	send("the least", whole[:8], 0, to)
	send("urgent", whole, MSG_OOB, to)
	send("urgent and less", whole[:7], MSG_OOB, to)
	send("too much", make([]byte, 65536), 0, to)
	send("as much as there can be", append(s.echo(""), make([]byte, 65535-8)...), 0, to)
	send("in fragments", append(s.echo(""), make([]byte, 3000)...), 0, to)
	send("to a port", whole, 0, netip.AddrPortFrom(s.far, 9))
	for _, kind := range []byte{0, 3, 8, 13, 128, 129} {
		send(fmt.Sprint("type ", kind), append([]byte{kind}, whole[1:]...), 0, to)
		send(fmt.Sprint("with a code, type ", kind), append([]byte{kind, 1}, whole[2:]...), 0, to)
	}
	send("where there is no route", whole, 0, netip.AddrPortFrom(s.elsewhere, 0))
	if s.domain == AF_INET {
		send("a broadcast", whole, 0, netip.MustParseAddrPort("192.0.2.255:0"))
	}
	s.note("shutdown", d.Shutdown(SHUT_WR))
	send("after shutdown", whole, 0, to)
}

func pingEcho(s *situation) {
	if s.name4() {
		return
	}
	d := s.ping()
	s.replies("nothing yet", d, 0)
	n, err := d.SendTo(s.echo("hello"), 0, netip.AddrPortFrom(s.far, 0))
	s.note("send", n, err)
	s.settle()
	s.replies("peek", d, MSG_PEEK)
	s.replies("reply", d, 0)
	n, err = d.SendTo(s.echo("more than there is room for"), 0, netip.AddrPortFrom(s.far, 9))
	s.note("send", n, err)
	s.settle()
	s.replies("reply", d, MSG_TRUNC)
	n, _, err = d.RecvFrom(nil, MSG_OOB)
	s.note("urgent", n, err)
	s.peerName(d)
}

func pingConnected(s *situation) {
	if s.name4() {
		return
	}
	for _, port := range []uint16{0, 9} {
		d := s.ping()
		s.note("connect", d.Connect(netip.AddrPortFrom(s.far, port)))
		at := s.bound(d, "chosen")
		s.note("from", at.Addr())
		s.peerName(d)
		n, err := d.Send(s.echo("hello"), 0)
		s.note("send", n, err)
		n, err = d.SendTo(s.echo("to oneself"), 0, netip.AddrPortFrom(s.near, 0))
		s.note("send", n, err)
		s.settle()
		s.replies("reply", d, 0)
		s.note("disconnect", d.Connect(netip.AddrPort{}))
		s.sockName(d)
		s.peerName(d)
		n, err = d.Send(s.echo("hello"), 0)
		s.note("send", n, err)
		now, _ := d.GetSockName()
		s.note("has an identifier", now.Port() != 0)
	}
	d := s.ping()
	s.note("bind", d.Bind(netip.AddrPortFrom(s.any, 5151)))
	s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
	s.note("disconnect", d.Connect(netip.AddrPort{}))
	s.sockName(d)
	s.note("shutdown", d.Shutdown(SHUT_RD))
	s.replies("after shutdown", d, 0)
}

func pingSelf(s *situation) {
	if s.name4() {
		return
	}
	for _, own := range []netip.Addr{s.loopback, s.near} {
		d := s.ping()
		n, err := d.SendTo(s.echo("hello"), 0, netip.AddrPortFrom(own, 0))
		s.note("send", n, err)
		s.settle()
		s.replies("reply", d, 0)
	}
}

func pingSeveral(s *situation) {
	if s.name4() {
		return
	}
	to := netip.AddrPortFrom(s.far, 0)
	one, two, bound, elsewhere := s.ping(), s.ping(), s.ping(), s.ping()
	s.note("bind", bound.Bind(netip.AddrPortFrom(s.near, 500)))
	s.note("bind", elsewhere.Bind(netip.AddrPortFrom(s.loopback, 501)))
	for i, d := range []Descriptor{one, two, one, bound, elsewhere} {
		n, err := d.SendTo(s.echo(fmt.Sprint("number ", i)), 0, to)
		s.note("send", n, err)
		s.settle()
	}
	for i, d := range []Descriptor{one, two, bound, elsewhere} {
		fds := []PollFD{{FD: d.FD(), Events: POLLIN | POLLOUT}}
		n, err := s.sys.Poll(fds, 0)
		s.note("poll", n, fds[0].Revents, err)
		s.replies(fmt.Sprint("socket ", i), d, 0)
	}
	// Another one's, of a raw socket with the same identifier.
	raw := s.on(s.sys, AF_INET, SOCK_RAW, IPPROTO_ICMP)
	if s.domain == AF_INET6 {
		raw = s.on(s.sys, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)
	}
	b := []byte{8, 0, 0xf6, 0x0a, 0x01, 0xf4, 0, 1}
	if b[0] = s.echo("")[0]; b[0] != 8 {
		b[2], b[3] = 0, 0 // the kernel fills it in
	}
	n, err := raw.SendTo(b, 0, to)
	s.note("raw", n, err)
	s.settle()
	s.replies("the socket with its identifier", bound, 0)
}

func pingTold(s *situation) {
	if s.name4() {
		return
	}
	d := s.ping()
	options := []struct{ level, name int }{{SOL_IP, IP_PKTINFO}, {SOL_IP, IP_RECVTTL}, {SOL_IP, IP_RECVTOS}}
	if s.domain == AF_INET6 {
		options = []struct{ level, name int }{{SOL_IPV6, IPV6_RECVPKTINFO}, {SOL_IPV6, IPV6_RECVHOPLIMIT}, {SOL_IPV6, IPV6_RECVTCLASS}}
	}
	for _, o := range options {
		s.note("set", d.SetSockOpt(o.level, o.name, 1))
	}
	n, err := d.SendTo(s.echo("hello"), 0, netip.AddrPortFrom(s.far, 0))
	s.note("send", n, err)
	s.settle()
	m := &Message{Buffers: [][]byte{make([]byte, 100)}, ControlSize: 200}
	n, err = d.RecvMsg(m, 0)
	s.note("recvmsg", n, m.Name, m.Flags, err)
	for _, c := range m.Control {
		if c.Type != IP_PKTINFO && c.Type != IPV6_PKTINFO {
			s.note("control", c.Level, c.Type, c.Data)
		} else {
			s.note("control", c.Level, c.Type, len(c.Data))
		}
	}
}

func pingOptions(s *situation) {
	if s.name4() {
		return
	}
	kind := s.on(s.sys, s.domain, SOCK_RAW, 253)
	s.option(kind, SOL_SOCKET, SO_REUSEADDR)
	d := s.ping()
	for _, o := range []struct{ level, name, value int }{
		{SOL_IP, IP_TTL, 9}, {SOL_IP, IP_TOS, 0x10}, {SOL_IP, IP_HDRINCL, 1}, {SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO},
		{SOL_IP, IP_RECVERR, 1}, {SOL_RAW, ICMP_FILTER, 1}, {SOL_SOCKET, SO_BROADCAST, 1}, {SOL_SOCKET, SO_REUSEADDR, 1},
		{SOL_IPV6, IPV6_UNICAST_HOPS, 9}, {SOL_IPV6, IPV6_TCLASS, 0x10}, {SOL_IPV6, IPV6_CHECKSUM, 4},
		{SOL_IPV6, IPV6_HDRINCL, 1}, {SOL_ICMPV6, ICMP6_FILTER, 1}, {SOL_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO},
		{IPPROTO_UDP, UDP_CORK, 1}, {SOL_SOCKET, SO_RCVBUF, 5000},
	} {
		s.values(d, o.level, o.name, o.value)
	}
	n, err := d.SendTo(append(s.echo(""), make([]byte, 1500)...), 0, netip.AddrPortFrom(s.far, 0))
	s.note("too long for the link", n, err)
}
