package differential

import (
	"fmt"
	"net/netip"

	. "septet/socket"
)

// Whom one can connect to, and what comes of it.

var connecting = []script{
	{name: "to oneself", run: selfConnect},
	{name: "datagrams to oneself", run: selfDatagram},
	{name: "without a route", run: noRoute, wire: true},
	{name: "to nobody on the link", run: nobodyThere, wire: true},
	{name: "to the other machine", run: toTheOther, wire: true},
	{name: "refused by the other machine", run: refusedThere, wire: true},
	{name: "to broadcast", run: toBroadcast, in: only4, wire: true},
	{name: "twice from one port", run: twiceFromOnePort},
	{name: "two from one port to two", run: twoFromOnePort},
	{name: "from another address", run: fromAnother},
	{name: "own address by the link", run: ownAddress, wire: true},
	{name: "address of the other, bound to loopback", run: fromLoopback, wire: true},
	{name: "families of the peer", run: peerFamilies},
	{name: "datagrams: families of the peer", run: peerFamiliesDatagram},
	{name: "datagrams across", run: datagramsAcross, wire: true},
	{name: "broadcast", run: broadcasting, in: only4, wire: true},
	{name: "datagrams refused there", run: datagramRefusedThere, wire: true},
	{name: "connected datagrams hear only the peer", run: onlyThePeer},
	{name: "connect changes whom datagrams go to", run: reconnect},
	{name: "who hears a datagram", run: whoHears},
	{name: "datagrams too long for the link", run: longDatagrams, wire: true},
	{name: "loopback from the other machine", run: loopbackApart, wire: true},
	{name: "a stream across", run: streamAcross, wire: true},
}

func selfConnect(s *situation) {
	d := s.make(SOCK_STREAM)
	a := s.bind(d, s.loopback, "self")
	s.note("connect", d.Connect(a))
	s.peerName(d)
	s.sockName(d)
	s.send(d, "to myself")
	s.settle()
	s.recv(d, 20, MSG_DONTWAIT)
	s.note("shutdown", d.Shutdown(SHUT_WR))
	s.settle()
	s.recv(d, 20, MSG_DONTWAIT)
	s.send(d, "x")
}

func selfDatagram(s *situation) {
	d := s.make(SOCK_DGRAM)
	a := s.bind(d, s.loopback, "self")
	s.note("connect", d.Connect(a))
	s.send(d, "to myself")
	s.settle()
	s.recv(d, 20, MSG_DONTWAIT)
}

func noRoute(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		d := s.make(kind)
		s.note("connect", d.Connect(netip.AddrPortFrom(s.elsewhere, 80)))
		s.sockName(d)
		s.peerName(d)
		s.pendingError(d)
		n, err := d.SendTo([]byte("x"), 0, netip.AddrPortFrom(s.elsewhere, 80))
		s.note("sendto", n, err)
		s.note("connect to a neighbour", d.Connect(netip.AddrPortFrom(s.far, 9)))
	}
}

func nobodyThere(s *situation) {
	d := s.make(SOCK_STREAM)
	s.must("no limit", setTimeout(d, SO_SNDTIMEO, 0))
	s.note("connect", d.Connect(netip.AddrPortFrom(s.absent, 80)))
	s.pendingError(d)
	u := s.make(SOCK_DGRAM)
	s.note("connect", u.Connect(netip.AddrPortFrom(s.absent, 80)))
	s.send(u, "x")
	_ = s.here.Sleep(4 * s.patience)
}

func toTheOther(s *situation) {
	c, p := s.across()
	for _, d := range []Descriptor{c, p} {
		s.sockName(d)
		s.peerName(d)
	}
	s.send(c, "across")
	s.settle()
	s.recv(p, 20, MSG_DONTWAIT)
	s.send(p, "and back")
	s.note("close", p.Close())
	s.settle()
	s.recv(c, 20, MSG_DONTWAIT)
	s.recv(c, 20, MSG_DONTWAIT)
}

func refusedThere(s *situation) {
	l := s.on(s.there, s.domain, SOCK_STREAM, 0)
	a := s.bind(l, s.far, "nobody")
	d := s.make(SOCK_STREAM)
	s.note("connect to what does not listen", d.Connect(a))
	s.note("close", l.Close())
	s.note("connect to a closed port", d.Connect(a))
}

func toBroadcast(s *situation) {
	for _, to := range []string{"255.255.255.255:80", "192.0.2.255:80", "127.255.255.255:80", "192.0.2.0:80", "0.0.0.0:80", "240.0.0.1:80"} {
		for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
			d := s.make(kind)
			what := fmt.Sprintf("kind %d to %s", kind, to)
			s.note(what, d.Connect(netip.MustParseAddrPort(to)))
			s.note("broadcast", d.SetSockOpt(SOL_SOCKET, SO_BROADCAST, 1))
			s.note(what, d.Connect(netip.MustParseAddrPort(to)))
			s.sockName(d)
		}
	}
}

func twiceFromOnePort(s *situation) {
	_, a := s.listener()
	one, two := s.make(SOCK_STREAM), s.make(SOCK_STREAM)
	for _, d := range []Descriptor{one, two} {
		s.note("reuse", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	}
	at := s.bind(one, s.loopback, "client")
	s.note("bind", two.Bind(at))
	s.note("connect", one.Connect(a))
	s.note("connect", two.Connect(a))
	s.sockName(two)
}

func twoFromOnePort(s *situation) {
	_, a := s.listener()
	other := s.make(SOCK_STREAM)
	b := s.bind(other, s.loopback, "other")
	s.note("listen", other.Listen(1))
	one, two := s.make(SOCK_STREAM), s.make(SOCK_STREAM)
	for _, d := range []Descriptor{one, two} {
		s.note("reuse", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	}
	at := s.bind(one, s.loopback, "client")
	s.note("bind", two.Bind(at))
	s.note("connect", one.Connect(a))
	s.note("connect", two.Connect(b))
	s.sockName(one)
	s.sockName(two)
}

func fromAnother(s *situation) {
	l := s.make(SOCK_STREAM)
	port := s.bind(l, s.any, "server").Port()
	s.note("listen", l.Listen(3))
	d := s.make(SOCK_STREAM)
	s.note("bind", d.Bind(netip.AddrPortFrom(s.other, 0)))
	s.bound(d, "client")
	s.note("connect", d.Connect(s.at(port)))
	_, from, err := l.Accept()
	s.note("accept", from, err)
	d = s.make(SOCK_STREAM)
	s.note("connect", d.Connect(netip.AddrPortFrom(s.other, port)))
	s.bound(d, "client")
	s.sockName(d)
}

func ownAddress(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		l, d := s.make(kind), s.make(kind)
		a := s.bind(l, s.near, "server")
		if kind == SOCK_STREAM {
			s.note("listen", l.Listen(1))
		}
		s.note("connect", d.Connect(a))
		s.bound(d, "client")
		s.sockName(d)
		s.send(d, "x")
		s.note("the same port on loopback", s.make(kind).Connect(s.at(a.Port())))
	}
}

func fromLoopback(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		d := s.make(kind)
		s.bind(d, s.loopback, "client")
		s.must("nonblock", d.SetNonblock(true))
		s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
	}
}

func peerFamilies(s *situation) {
	_, server := s.listener()
	for _, a := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "::ffff:0.0.0.0"} {
		d := s.make(SOCK_STREAM)
		s.note("connect to "+a, d.Connect(netip.AddrPortFrom(addr(a), server.Port())))
		s.peerName(d)
	}
}

func peerFamiliesDatagram(s *situation) {
	l := s.make(SOCK_DGRAM)
	port := s.bind(l, s.any, "server").Port()
	for _, a := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "::ffff:0.0.0.0"} {
		d := s.make(SOCK_DGRAM)
		n, err := d.SendTo([]byte("x"), 0, netip.AddrPortFrom(addr(a), port))
		s.note("sendto "+a, n, err)
		s.note("connect to "+a, d.Connect(netip.AddrPortFrom(addr(a), port)))
		s.peerName(d)
		s.bound(d, "client")
		s.sockName(d)
	}
}

func datagramsAcross(s *situation) {
	server, d := s.on(s.there, s.domain, SOCK_DGRAM, 0), s.make(SOCK_DGRAM)
	a := s.bind(server, s.any, "server")
	n, err := d.SendTo([]byte("question"), 0, netip.AddrPortFrom(s.far, a.Port()))
	s.note("sendto", n, err)
	s.bound(d, "client")
	s.settle()
	b := make([]byte, 20)
	n, from, err := server.RecvFrom(b, MSG_DONTWAIT)
	s.note("recvfrom", string(b[:n]), from, err)
	if err != nil {
		return
	}
	n, err = server.SendTo([]byte("answer"), 0, from)
	s.note("sendto", n, err)
	s.settle()
	n, from, err = d.RecvFrom(b, MSG_DONTWAIT)
	s.note("recvfrom", string(b[:n]), from, err)
}

func broadcasting(s *situation) {
	server, d := s.on(s.there, s.domain, SOCK_DGRAM, 0), s.make(SOCK_DGRAM)
	port := s.bind(server, s.any, "server").Port()
	say := func(to string) {
		n, err := d.SendTo([]byte(to), 0, netip.AddrPortFrom(addr(to), port))
		s.note("sendto "+to, n, err)
		s.settle()
		b := make([]byte, 20)
		n, err = server.Recv(b, MSG_DONTWAIT)
		s.note("recv", string(b[:n]), err)
	}
	say("192.0.2.255")
	s.note("broadcast", d.SetSockOpt(SOL_SOCKET, SO_BROADCAST, 1))
	say("192.0.2.255")
	s.bind(d, s.near, "client")
	say("255.255.255.255")
	s.note("no broadcast", d.SetSockOpt(SOL_SOCKET, SO_BROADCAST, 0))
	say("192.0.2.255")
	one := s.on(s.there, s.domain, SOCK_DGRAM, 0)
	port = s.bind(one, s.far, "one").Port()
	server = one
	s.note("broadcast", d.SetSockOpt(SOL_SOCKET, SO_BROADCAST, 1))
	say("192.0.2.255") // who is bound to an address of its own hears none
	say("192.0.2.2")
}

func datagramRefusedThere(s *situation) {
	d := s.make(SOCK_DGRAM)
	s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
	s.send(d, "x")
	s.settle()
	s.recv(d, 5, MSG_DONTWAIT)
	s.recv(d, 5, MSG_DONTWAIT)
}

func onlyThePeer(s *situation) {
	d, peer := datagramPair(s)
	stranger := s.make(SOCK_DGRAM)
	own := s.bound(d, "own")
	n, err := stranger.SendTo([]byte("stranger"), 0, own)
	s.note("sendto", n, err)
	s.settle()
	s.recv(d, 20, MSG_DONTWAIT)
	n, err = peer.SendTo([]byte("peer"), 0, own)
	s.note("sendto", n, err)
	s.settle()
	s.recv(d, 20, MSG_DONTWAIT)
	s.note("connect to the stranger", d.Connect(s.bound(stranger, "stranger")))
	n, err = peer.SendTo([]byte("peer"), 0, own)
	s.note("sendto", n, err)
	s.settle()
	s.recv(d, 20, MSG_DONTWAIT)
}

func reconnect(s *situation) {
	d, one, two := s.make(SOCK_DGRAM), s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
	a, b := s.bind(one, s.loopback, "one"), s.bind(two, s.loopback, "two")
	for _, to := range []netip.AddrPort{a, b, a} {
		s.note("connect", d.Connect(to))
		s.bound(d, "own")
		s.sockName(d)
		s.peerName(d)
		s.send(d, "x")
		s.settle()
		s.recv(one, 5, MSG_DONTWAIT)
		s.recv(two, 5, MSG_DONTWAIT)
	}
	n, err := d.SendTo([]byte("elsewhere"), 0, b)
	s.note("sendto", n, err)
	s.settle()
	s.recv(two, 20, MSG_DONTWAIT)
}

// whoHears: of several sockets with one port the one that is bound closest.
func whoHears(s *situation) {
	var all []Descriptor
	open := func(a netip.Addr, port uint16, peer netip.AddrPort) uint16 {
		d := s.make(SOCK_DGRAM)
		s.must("reuse", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
		s.must("bind", d.Bind(netip.AddrPortFrom(a, port)))
		if peer.IsValid() {
			s.must("connect", d.Connect(peer))
		}
		all = append(all, d)
		return s.bound(d, "shared").Port()
	}
	sender := s.make(SOCK_DGRAM)
	from := s.bind(sender, s.loopback, "sender")
	say := func(text string, port uint16) {
		n, err := sender.SendTo([]byte(text), 0, s.at(port))
		s.note("send "+text, n, err)
		s.heard(text, all...)
	}
	port := open(s.any, 0, netip.AddrPort{})
	say("any", port)
	open(s.loopback, port, netip.AddrPort{})
	say("specific", port)
	open(s.loopback, port, from)
	say("connected", port)
	open(s.any, port, netip.AddrPort{})
	say("any again", port)
}

func longDatagrams(s *situation) {
	server, d := s.on(s.there, s.domain, SOCK_DGRAM, 0), s.make(SOCK_DGRAM)
	port := s.bind(server, s.any, "server").Port()
	for _, size := range []int{1400, 1472, 1473, 1453, 4000, 65507, 65508, 65527, 65528} {
		n, err := d.SendTo(make([]byte, size), 0, netip.AddrPortFrom(s.far, port))
		s.note(fmt.Sprint("sendto ", size), n, err)
		s.settle()
		n, err = server.Recv(make([]byte, 70000), MSG_DONTWAIT)
		s.note("recv", n, err)
	}
}

func loopbackApart(s *situation) {
	l := s.on(s.there, s.domain, SOCK_STREAM, 0)
	a := s.bind(l, s.loopback, "server")
	s.note("listen", l.Listen(1))
	s.note("by the link", s.make(SOCK_STREAM).Connect(netip.AddrPortFrom(s.far, a.Port())))
	s.note("by loopback", s.make(SOCK_STREAM).Connect(a))
	s.note("there", s.on(s.there, s.domain, SOCK_STREAM, 0).Connect(a))
}

func streamAcross(s *situation) {
	c, p := s.across()
	s.start(func(s *situation) {
		n, err := c.Send(make([]byte, 1<<20), 0)
		s.note("send", n, err)
		s.note("shutdown", c.Shutdown(SHUT_WR))
		s.recv(c, 20, 0)
	})
	total, b := 0, make([]byte, 100_000)
	for {
		n, err := p.Recv(b, 0)
		if total += n; n == 0 || err != nil {
			s.note("received", total, err)
			break
		}
	}
	s.send(p, "thank you")
}
