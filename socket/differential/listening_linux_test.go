package differential

import (
	"fmt"
	"net/netip"
	"time"

	. "septet/socket"
)

// Listeners: their queues, what they hand down, and several at one port.

var listenings = []script{
	{name: "closed with many waiting", run: closedWithMany},
	{name: "backlog overflows, then has room", run: backlogRoom},
	{name: "backlog made larger", run: backlogGrows},
	{name: "one of the waiting is reset", run: oneReset},
	{name: "options inherited", run: inheritAll},
	{name: "options set while one waits", run: inheritLater},
	{name: "SO_REUSEPORT, streams", run: sharedStreams},
	{name: "SO_REUSEPORT, datagrams", run: sharedDatagrams},
	{name: "SO_REUSEPORT, specific before wildcard", run: specificFirst},
	{name: "deferred accept", run: deferredAccept},
	{name: "data before accept", run: dataBeforeAccept},
	{name: "across, closed with one waiting", run: closedAcross, wire: true},
}

// clients connects n sockets to a listener.
func (s *situation) clients(a netip.AddrPort, n int) (list []Descriptor) {
	for range n {
		c := s.make(SOCK_STREAM)
		s.must("nonblock", c.SetNonblock(true))
		_ = c.Connect(a)
		list = append(list, c)
	}
	s.settle()
	return list
}

func closedWithMany(s *situation) {
	l, a := s.listener()
	clients := s.clients(a, 3)
	s.send(clients[0], "data")
	s.must("shutdown", clients[1].Shutdown(SHUT_WR))
	s.settle()
	s.note("close", l.Close())
	s.settle()
	for _, c := range clients {
		fds := []PollFD{{FD: c.FD(), Events: askAll}}
		n, err := s.sys.Poll(fds, 0)
		s.note("poll", n, fds[0].Revents, err)
		s.recv(c, 5, 0)
		s.send(c, "x")
		s.peerName(c)
	}
	next := s.make(SOCK_STREAM)
	s.note("connect", next.Connect(a))
	again := s.make(SOCK_STREAM)
	s.note("bind", again.Bind(a))
}

// backlogRoom: who does not fit gets in when one was accepted, by a SYN that is repeated
// after a second.
func backlogRoom(s *situation) {
	l := s.make(SOCK_STREAM)
	a := s.bind(l, s.loopback, "server")
	s.must("listen", l.Listen(0))
	clients := s.clients(a, 2)
	for _, c := range clients {
		s.peerName(c)
	}
	_, err := s.accept(l)
	s.note("accept", err)
	s.note("the other is in", polled(s, clients[1], POLLOUT, 2*time.Second)())
	s.peerName(clients[1])
	_, err = s.accept(l)
	s.note("accept", err)
}

func backlogGrows(s *situation) {
	l := s.make(SOCK_STREAM)
	a := s.bind(l, s.loopback, "server")
	for _, n := range []int{0, 2, 1, -1, 3} {
		s.note(fmt.Sprint("listen ", n), l.Listen(n))
		in := 0
		for _, c := range s.clients(a, 3) {
			if _, err := c.GetPeerName(); err == nil {
				in++
			}
		}
		s.note("connected", in)
		s.must("nonblock", l.SetNonblock(true))
		for {
			d, _, err := l.Accept()
			if err != nil {
				break
			}
			d.Close()
		}
		if n < 0 {
			break // so many that all have room
		}
	}
}

func oneReset(s *situation) {
	l, a := s.listener()
	clients := s.clients(a, 3)
	s.must("linger", setLinger(clients[1], true, 0))
	s.note("close", clients[1].Close())
	s.settle()
	s.must("nonblock", l.SetNonblock(true))
	for range 4 {
		d, err := s.accept(l)
		s.note("accept", err)
		if err == nil {
			s.recv(d, 5, MSG_DONTWAIT)
		}
	}
}

// inheritable are options that a listener may hand down, with a value that is not theirs.
var inheritable = []struct{ level, name, value int }{
	{SOL_SOCKET, SO_REUSEADDR, 1}, {SOL_SOCKET, SO_REUSEPORT, 1}, {SOL_SOCKET, SO_KEEPALIVE, 1},
	{SOL_SOCKET, SO_OOBINLINE, 1}, {SOL_SOCKET, SO_BROADCAST, 1}, {SOL_SOCKET, SO_TIMESTAMP, 1},
	{SOL_SOCKET, SO_NO_CHECK, 1}, {SOL_SOCKET, SO_RCVLOWAT, 3}, {SOL_SOCKET, SO_RCVBUF, 20000}, {SOL_SOCKET, SO_SNDBUF, 20000},
	{SOL_IP, IP_TTL, 33}, {SOL_IP, IP_TOS, 0x48}, {SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT},
	{SOL_IP, IP_FREEBIND, 1}, {SOL_IP, IP_RECVERR, 1}, {SOL_IP, IP_PKTINFO, 1},
	{SOL_IPV6, IPV6_UNICAST_HOPS, 44}, {SOL_IPV6, IPV6_TCLASS, 0x20}, {SOL_IPV6, IPV6_RECVPKTINFO, 1}, {SOL_IPV6, IPV6_RECVERR, 1},
	{SOL_TCP, TCP_NODELAY, 1}, {SOL_TCP, TCP_CORK, 1}, {SOL_TCP, TCP_KEEPIDLE, 33}, {SOL_TCP, TCP_KEEPINTVL, 22},
	{SOL_TCP, TCP_KEEPCNT, 4}, {SOL_TCP, TCP_SYNCNT, 3}, {SOL_TCP, TCP_LINGER2, 17}, {SOL_TCP, TCP_DEFER_ACCEPT, 0},
	{SOL_TCP, TCP_USER_TIMEOUT, 9000},
}

func (s *situation) inherit(d Descriptor) {
	for _, o := range inheritable {
		s.note(fmt.Sprintf("setsockopt %d/%d", o.level, o.name), d.SetSockOpt(o.level, o.name, o.value))
	}
	s.note("linger", setLinger(d, true, 7))
}

func (s *situation) inherited(l Descriptor) {
	d, err := s.accept(l)
	s.must("accept", err)
	for _, o := range inheritable {
		s.option(d, o.level, o.name)
	}
	b := make([]byte, 8)
	n, err := d.GetSockOptBytes(SOL_SOCKET, SO_LINGER, b)
	s.note("linger", b[:n], err)
}

func inheritAll(s *situation) {
	l, a := s.listener()
	s.inherit(l)
	s.clients(a, 1)
	s.inherited(l)
}

func inheritLater(s *situation) {
	l, a := s.listener()
	s.clients(a, 1)
	s.inherit(l)
	s.inherited(l)
}

// sharers are sockets with SO_REUSEPORT at one port.
func (s *situation) sharers(kind, n int) (list []Descriptor, a netip.AddrPort) {
	for i := range n {
		d := s.make(kind)
		s.must("SO_REUSEPORT", d.SetSockOpt(SOL_SOCKET, SO_REUSEPORT, 1))
		if i == 0 {
			a = s.bind(d, s.loopback, "shared")
		} else {
			s.note("bind", d.Bind(a))
		}
		list = append(list, d)
	}
	return list, a
}

// sharedStreams: who of them gets a connection is the hash's choice, but one of them
// does.
func sharedStreams(s *situation) {
	list, a := s.sharers(SOCK_STREAM, 3)
	s.note("connect, nobody listens", s.make(SOCK_STREAM).Connect(a))
	for _, d := range list {
		s.note("listen", d.Listen(20))
		s.must("nonblock", d.SetNonblock(true))
	}
	accept := func(what string, from []Descriptor) {
		total := 0
		for _, d := range from {
			for {
				if _, err := s.accept(d); err != nil {
					break
				}
				total++
			}
		}
		s.note(what, total)
	}
	s.clients(a, 12)
	accept("accepted by all", list)
	s.note("close", list[0].Close())
	s.clients(a, 12)
	accept("accepted by those left", list[1:])
	s.note("close", list[1].Close(), list[2].Close())
	s.note("connect", s.make(SOCK_STREAM).Connect(a))
}

func sharedDatagrams(s *situation) {
	list, a := s.sharers(SOCK_DGRAM, 3)
	hear := func(what string, from []Descriptor) {
		for range 12 {
			d := s.make(SOCK_DGRAM)
			_, err := d.SendTo([]byte("x"), 0, a)
			s.must("sendto", err)
		}
		s.settle()
		total := 0
		for _, d := range from {
			for {
				if _, err := d.Recv(make([]byte, 5), MSG_DONTWAIT); err != nil {
					break
				}
				total++
			}
		}
		s.note(what, total)
	}
	hear("heard by all", list)
	s.note("close", list[2].Close())
	hear("heard by those left", list[:2])
	// One flow always goes to the same one.
	d := s.make(SOCK_DGRAM)
	s.must("connect", d.Connect(a))
	for range 5 {
		s.send(d, "flow")
	}
	s.settle()
	heard := 0
	for _, d := range list[:2] {
		if _, err := d.Recv(make([]byte, 5), MSG_DONTWAIT); err == nil {
			heard++
		}
	}
	s.note("who hears a flow", heard)
}

func specificFirst(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		all, one := s.make(kind), s.make(kind)
		for _, d := range []Descriptor{all, one} {
			s.must("SO_REUSEPORT", d.SetSockOpt(SOL_SOCKET, SO_REUSEPORT, 1))
			s.must("nonblock", d.SetNonblock(true))
		}
		port := s.bind(all, s.any, "port").Port()
		s.note("bind", one.Bind(s.at(port)))
		if kind == SOCK_STREAM {
			s.note("listen", all.Listen(5), one.Listen(5))
			s.clients(s.at(port), 3)
			for _, d := range []Descriptor{all, one} {
				_, err := s.accept(d)
				s.note("accept", err)
			}
			continue
		}
		d := s.make(kind)
		_, err := d.SendTo([]byte("x"), 0, s.at(port))
		s.note("sendto", err)
		s.settle()
		s.recv(all, 5, MSG_DONTWAIT)
		s.recv(one, 5, MSG_DONTWAIT)
	}
}

// deferredAccept: a connection without data is not yet there to be accepted.
func deferredAccept(s *situation) {
	l, a := s.listener()
	s.note("TCP_DEFER_ACCEPT", l.SetSockOpt(SOL_TCP, TCP_DEFER_ACCEPT, 5))
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(a))
	s.settle()
	s.must("nonblock", l.SetNonblock(true))
	_, err := s.accept(l)
	s.note("accept", err)
	s.send(c, "data")
	s.settle()
	d, err := s.accept(l)
	s.note("accept", err)
	if err == nil {
		s.recv(d, 5, MSG_DONTWAIT)
	}
}

func dataBeforeAccept(s *situation) {
	l, a := s.listener()
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(a))
	s.send(c, "one ")
	s.settle()
	n, err := c.Send([]byte("!"), MSG_OOB)
	s.note("send urgent", n, err)
	s.send(c, "two")
	s.settle()
	d, err := s.accept(l)
	s.must("accept", err)
	s.mark(d)
	s.recv(d, 20, MSG_DONTWAIT)
	s.mark(d)
	s.recv(d, 1, MSG_OOB)
	s.recv(d, 20, MSG_DONTWAIT)
}

func closedAcross(s *situation) {
	l := s.on(s.there, s.domain, SOCK_STREAM, 0)
	a := s.bind(l, s.far, "server")
	s.must("listen", l.Listen(2))
	clients := s.clients(a, 1)
	s.note("close", l.Close())
	s.settle()
	s.recv(clients[0], 5, MSG_DONTWAIT)
	s.note("connect", s.make(SOCK_STREAM).Connect(a))
}
