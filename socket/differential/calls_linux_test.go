package differential

import (
	"fmt"
	"net/netip"
	"time"

	. "septet/socket"
)

var calls = []script{
	{name: "socket", run: socketArguments},
	{name: "stream not connected", run: streamNotConnected},
	{name: "bind", run: binding},
	{name: "listen", run: listening},
	{name: "connect refused", run: connectRefused},
	{name: "connect without blocking", run: connectNonblocking},
	{name: "refused without blocking", run: refusedNonblocking},
	{name: "refused, seen by recv", run: refusedRecv},
	{name: "connect to groups", run: connectGroups},
	{name: "connected", run: connectedCalls},
	{name: "half close", run: halfClose},
	{name: "shut for reading", run: shutForReading},
	{name: "reset, seen by recv", run: resetRecv},
	{name: "reset, seen by send", run: resetSend},
	{name: "send after close", run: sendAfterClose},
	{name: "close with unread data", run: closeUnread},
	{name: "disconnect", run: disconnect},
	{name: "timeouts", run: timeouts},
	{name: "closed", run: closedCalls},
	{name: "datagram not connected", run: datagramNotConnected},
	{name: "datagram", run: datagrams},
	{name: "datagram refused", run: datagramRefused},
	{name: "datagram shutdown", run: datagramShutdown},
	{name: "datagram binding", run: datagramBinding},
	{name: "options of streams", run: func(s *situation) { optionTable(s, SOCK_STREAM) }},
	{name: "options of datagrams", run: func(s *situation) { optionTable(s, SOCK_DGRAM) }},
	{name: "inherited options", run: inheritedOptions},
	{name: "more options of streams", run: streamOptions},
	{name: "urgent data", run: urgentData},
	{name: "urgent data inline", run: urgentInline},
}

func socketArguments(s *situation) {
	for _, domain := range []int{AF_INET, AF_INET6, 12345} {
		for _, kind := range []int{0, SOCK_STREAM, SOCK_DGRAM, SOCK_STREAM | SOCK_NONBLOCK, 5, 99} {
			for _, protocol := range []int{0, IPPROTO_TCP, IPPROTO_UDP, 255, -1, 1000} {
				e, err := s.sys.Socket(domain, kind, protocol)
				s.note(fmt.Sprintf("socket(%d, %d, %d)", domain, kind, protocol), err)
				if e != nil {
					e.Close()
				}
			}
		}
	}
}

func streamNotConnected(s *situation) {
	e := s.make(SOCK_STREAM)
	a, err := e.GetSockName()
	s.note("getsockname", a, err)
	a, err = e.GetPeerName()
	s.note("getpeername", a, err)
	s.recv(e, 10, 0)
	s.recv(e, 0, MSG_DONTWAIT)
	s.send(e, "x")
	s.send(e, "")
	_, err = s.accept(e)
	s.note("accept", err)
	s.note("shutdown", e.Shutdown(SHUT_WR))
	s.note("shutdown 7", e.Shutdown(7))
	s.pendingError(e)
	s.send(e, "x")
	s.note("bind after shutdown", e.Bind(s.at(0)))
}

func binding(s *situation) {
	e := s.make(SOCK_STREAM)
	s.note("bind elsewhere", e.Bind(netip.AddrPortFrom(s.elsewhere, 0)))
	s.note("bind to IPv6", e.Bind(netip.MustParseAddrPort("[::1]:0")))
	s.note("bind", e.Bind(s.at(0)))
	a := s.bound(e, "first")
	s.note("getsockname", a, nil)
	s.note("bind again", e.Bind(s.at(0)))
	other := s.make(SOCK_STREAM)
	s.note("bind to the same", other.Bind(a))
	any := netip.AddrPortFrom(s.any, a.Port())
	s.note("bind to any with the port", other.Bind(any))
	s.note("bind to another address", other.Bind(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), a.Port())))
	third := s.make(SOCK_STREAM)
	s.note("reuse", third.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	s.note("bind, one allows reuse", third.Bind(a))
	s.note("listen", e.Listen(1))
	s.note("bind to a listener's", third.Bind(a))
}

func listening(s *situation) {
	e, addr := s.listener()
	s.note("listen again", e.Listen(3))
	s.note("bind", e.Bind(s.at(0)))
	s.option(e, SOL_SOCKET, SO_ACCEPTCONN)
	s.note("connect", e.Connect(addr))
	s.recv(e, 5, 0)
	s.send(e, "x")
	a, err := e.GetPeerName()
	s.note("getpeername", a, err)
	s.note("nonblock", e.SetNonblock(true))
	_, err = s.accept(e)
	s.note("accept", err)
	s.note("shutdown write", e.Shutdown(SHUT_WR))
	_, err = s.accept(e)
	s.note("accept", err)
	s.note("shutdown read", e.Shutdown(SHUT_RD))
	_, err = s.accept(e)
	s.note("accept", err)
	a, err = e.GetSockName()
	s.note("getsockname", a, err)
	s.option(e, SOL_SOCKET, SO_ACCEPTCONN)
	s.note("listen once more", e.Listen(1))
	_, err = s.accept(e)
	s.note("accept", err)

	fresh := s.make(SOCK_STREAM)
	s.note("listen unbound", fresh.Listen(-1))
	a, err = fresh.GetSockName()
	s.note("getsockname", a, err)
}

func connectRefused(s *situation) {
	_, addr := s.listener()
	nobody := s.closedPort(SOCK_STREAM)
	e := s.make(SOCK_STREAM)
	s.note("connect", e.Connect(nobody))
	s.pendingError(e)
	s.recv(e, 1, 0)
	s.note("connect to a listener", e.Connect(addr))
	s.note("connect", e.Connect(addr))
	a, err := e.GetPeerName()
	s.note("getpeername", a, err)
	e = s.make(SOCK_STREAM)
	s.note("connect to 0.0.0.0", e.Connect(netip.AddrPortFrom(s.any, addr.Port())))
	a, err = e.GetPeerName()
	s.note("getpeername", a, err)

	e = s.make(SOCK_STREAM)
	s.note("bind", e.Bind(s.at(0)))
	s.bound(e, "client")
	s.note("bound, connect", e.Connect(nobody))
	a, err = e.GetSockName()
	s.note("getsockname", a, err)
	s.note("bound, connect to a listener", e.Connect(addr))
}

func connectNonblocking(s *situation) {
	l, addr := s.listener()
	e := s.make(SOCK_STREAM)
	s.note("nonblock", e.SetNonblock(true))
	s.note("connect", e.Connect(addr))
	s.settle()
	s.note("connect 2", e.Connect(addr))
	s.note("connect 3", e.Connect(addr))
	s.pendingError(e)
	s.recv(e, 5, 0)
	_, err := s.accept(l)
	s.note("accept", err)
}

func refusedNonblocking(s *situation) {
	nobody := s.closedPort(SOCK_STREAM)
	e := s.make(SOCK_STREAM)
	s.note("nonblock", e.SetNonblock(true))
	s.note("connect", e.Connect(nobody))
	s.settle()
	s.note("connect 2", e.Connect(nobody))
	s.note("connect 3", e.Connect(nobody))
	s.settle()
	s.pendingError(e)
	s.pendingError(e)
	s.note("connect 4", e.Connect(nobody))
	s.note("connect 5", e.Connect(nobody))
	s.settle()
	s.send(e, "x")
	s.send(e, "x")
}

func refusedRecv(s *situation) {
	nobody := s.closedPort(SOCK_STREAM)
	e := s.make(SOCK_STREAM)
	s.note("nonblock", e.SetNonblock(true))
	s.note("connect", e.Connect(nobody))
	s.settle()
	s.recv(e, 4, 0)
	s.recv(e, 4, 0)
	s.pendingError(e)
}

func connectGroups(s *situation) {
	for _, a := range []string{"224.0.0.1:80", "255.255.255.255:80", "[2001:db8::1]:80", "[ff0e::1]:80"} {
		if s.domain == AF_INET6 && a == "[2001:db8::1]:80" {
			continue // which the machine may have a route to
		}
		s.note("connect to "+a, s.make(SOCK_STREAM).Connect(netip.MustParseAddrPort(a)))
	}
}

func connectedCalls(s *situation) {
	c, p := s.pair()
	s.note("connect", c.Connect(s.at(1)))
	s.note("listen", c.Listen(1))
	s.note("bind", c.Bind(s.at(0)))
	_, err := s.accept(c)
	s.note("accept", err)
	s.note("shutdown 9", c.Shutdown(9))
	s.recv(c, 5, MSG_DONTWAIT)
	s.recv(c, 0, MSG_DONTWAIT)
	s.send(c, "hello")
	s.send(c, "")
	s.recv(p, 0, 0)
	s.recv(p, 3, MSG_PEEK)
	s.recv(p, 5, MSG_WAITALL)
	s.recv(p, 5, MSG_DONTWAIT)
	s.recv(p, 5, MSG_OOB)
	n, err := c.SendTo([]byte("to"), 0, s.at(9))
	s.note("sendto elsewhere", n, err)
	b := make([]byte, 10)
	n, from, err := p.RecvFrom(b, 0)
	s.note("recvfrom", n, from, err)
	s.note("nonblock", p.SetNonblock(true))
	s.recv(p, 5, 0)
	s.recv(p, 5, MSG_WAITALL)
	s.send(c, "abc")
	s.settle()
	s.recv(p, 5, MSG_WAITALL)
}

func halfClose(s *situation) {
	c, p := s.pair()
	s.send(c, "last")
	s.note("shutdown", c.Shutdown(SHUT_WR))
	s.note("shutdown", c.Shutdown(SHUT_WR))
	s.send(c, "x")
	s.send(c, "")
	s.recv(p, 10, 0)
	s.recv(p, 10, 0)
	s.recv(p, 10, 0)
	s.send(p, "still here")
	s.settle()
	s.recv(c, 20, 0)
	s.note("shutdown peer", p.Shutdown(SHUT_RDWR))
	s.settle()
	s.recv(c, 20, 0)
	s.send(p, "x")
	s.pendingError(c)
	s.pendingError(p)
	a, err := p.GetPeerName()
	s.note("getpeername after both FINs", a, err)
	s.note("shutdown after both FINs", p.Shutdown(SHUT_WR))
}

func shutForReading(s *situation) {
	c, p := s.pair()
	s.note("shutdown", c.Shutdown(SHUT_RD))
	s.recv(c, 5, 0)
	s.note("shutdown again", c.Shutdown(SHUT_RD))
	s.send(c, "out")
	s.settle()
	s.recv(p, 5, 0)
}

func resetRecv(s *situation) {
	c, p := s.pair()
	s.note("linger", setLinger(p, true, 0))
	s.note("close", p.Close())
	s.settle()
	s.recv(c, 5, 0)
	s.recv(c, 5, 0)
	s.send(c, "x")
	a, err := c.GetPeerName()
	s.note("getpeername", a, err)
	s.note("shutdown", c.Shutdown(SHUT_WR))
	s.pendingError(c)
	s.note("connect", c.Connect(s.at(1)))
	s.note("listen", c.Listen(1))
}

func resetSend(s *situation) {
	c, p := s.pair()
	s.note("linger", setLinger(p, true, 0))
	s.note("close", p.Close())
	s.settle()
	s.send(c, "x")
	s.send(c, "x")
	s.recv(c, 5, 0)
	s.pendingError(c)
}

func sendAfterClose(s *situation) {
	c, p := s.pair()
	s.note("close", p.Close())
	s.settle()
	s.send(c, "x")
	s.settle()
	s.send(c, "x")
	s.recv(c, 5, 0)
	s.pendingError(c)
}

func closeUnread(s *situation) {
	c, p := s.pair()
	s.send(c, "never read")
	s.settle()
	s.note("close", p.Close())
	s.settle()
	s.recv(c, 5, 0)
	s.recv(c, 5, 0)
}

func disconnect(s *situation) {
	c, p := s.pair()
	s.note("disconnect", c.Connect(netip.AddrPort{}))
	s.settle()
	s.recv(p, 5, 0)
	a, err := c.GetPeerName()
	s.note("getpeername", a, err)
	s.recv(c, 5, 0)
	_, addr := s.listener()
	s.note("connect again", c.Connect(addr))
}

func timeouts(s *situation) {
	c, _ := s.pair()
	s.note("SO_RCVTIMEO", setTimeout(c, SO_RCVTIMEO, 10*time.Millisecond))
	s.recv(c, 5, 0)
	l, _ := s.listener()
	s.note("SO_RCVTIMEO", setTimeout(l, SO_RCVTIMEO, 10*time.Millisecond))
	_, err := s.accept(l)
	s.note("accept", err)
	d := s.make(SOCK_DGRAM)
	s.note("SO_RCVTIMEO", setTimeout(d, SO_RCVTIMEO, 10*time.Millisecond))
	s.note("bind", d.Bind(s.at(0)))
	s.recv(d, 5, 0)
	s.note("negative", setTimeout(d, SO_RCVTIMEO, -time.Second))
	s.note("SO_RCVTIMEO as a number", d.SetSockOpt(SOL_SOCKET, SO_RCVTIMEO, 1))
}

func closedCalls(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		e := s.make(kind)
		s.note("close", e.Close())
		s.note("close", e.Close())
		s.note("bind", e.Bind(s.at(0)))
		s.note("listen", e.Listen(1))
		_, err := s.accept(e)
		s.note("accept", err)
		s.note("connect", e.Connect(s.at(1)))
		s.note("shutdown", e.Shutdown(SHUT_WR))
		s.send(e, "x")
		s.recv(e, 1, 0)
		_, err = e.GetSockName()
		s.note("getsockname", err)
		_, err = e.GetPeerName()
		s.note("getpeername", err)
		s.note("setsockopt", e.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
		_, err = e.GetSockOpt(SOL_SOCKET, SO_REUSEADDR)
		s.note("getsockopt", err)
	}
}

func datagramNotConnected(s *situation) {
	e := s.make(SOCK_DGRAM)
	s.send(e, "x")
	n, err := e.SendTo([]byte("x"), 0, s.at(0))
	s.note("sendto port 0", n, err)
	s.recv(e, 5, MSG_DONTWAIT)
	s.note("listen", e.Listen(1))
	_, err = s.accept(e)
	s.note("accept", err)
	a, err := e.GetPeerName()
	s.note("getpeername", a, err)
	n, err = e.SendTo(make([]byte, 65508), 0, s.at(9))
	s.note("sendto 65508", n, err)
	if s.domain == AF_INET {
		n, err = e.SendTo([]byte("x"), 0, netip.MustParseAddrPort("[2001:db8::1]:9"))
		s.note("sendto IPv6", n, err)
	}
	n, err = e.SendTo([]byte("x"), MSG_OOB, s.at(9))
	s.note("sendto urgent", n, err)
}

func datagrams(s *situation) {
	a, b := s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
	s.note("bind", a.Bind(s.at(0)))
	addr := s.bound(a, "a")
	s.note("connect", b.Connect(addr))
	s.bound(b, "b")
	peer, err := b.GetPeerName()
	s.note("getpeername", peer, err)
	local, err := b.GetSockName()
	s.note("getsockname", local, err)
	for _, text := range []string{"hello", "", "longer than the buffer", "seen twice", "true length"} {
		s.send(b, text)
	}
	s.settle()
	buf := make([]byte, 10)
	n, from, err := a.RecvFrom(buf, 0)
	s.note("recvfrom", n, from, err)
	s.recv(a, 10, 0)
	s.recv(a, 6, 0)
	s.recv(a, 20, MSG_PEEK)
	s.recv(a, 20, 0)
	s.recv(a, 4, MSG_TRUNC)
	s.recv(a, 4, MSG_DONTWAIT)
	n, err = b.SendTo([]byte("x"), 0, addr)
	s.note("sendto while connected", n, err)
	s.note("connect elsewhere", b.Connect(s.at(7)))
	s.note("disconnect", b.Connect(netip.AddrPort{}))
	_, err = b.GetPeerName()
	s.note("getpeername", err)
	local, err = b.GetSockName()
	s.note("getsockname", local, err)
	s.send(b, "x")
}

func datagramRefused(s *situation) {
	nobody := s.closedPort(SOCK_DGRAM)
	e := s.make(SOCK_DGRAM)
	s.note("connect", e.Connect(nobody))
	s.send(e, "x")
	s.settle()
	s.recv(e, 5, MSG_DONTWAIT)
	s.recv(e, 5, MSG_DONTWAIT)
	s.send(e, "x")
	s.settle()
	s.send(e, "x")
	s.settle()
	s.pendingError(e)
	s.pendingError(e)
	un := s.make(SOCK_DGRAM)
	n, err := un.SendTo([]byte("x"), 0, nobody)
	s.note("sendto", n, err)
	s.settle()
	s.pendingError(un)
	s.recv(un, 5, MSG_DONTWAIT)
}

func datagramShutdown(s *situation) {
	e := s.make(SOCK_DGRAM)
	s.note("shutdown unconnected", e.Shutdown(SHUT_RD))
	s.recv(e, 5, 0)
	f := s.make(SOCK_DGRAM)
	s.note("bind", f.Bind(s.at(0)))
	g := s.make(SOCK_DGRAM)
	s.note("connect", g.Connect(s.bound(f, "f")))
	s.note("shutdown", g.Shutdown(SHUT_WR))
	s.send(g, "x")
	s.note("shutdown 5", g.Shutdown(5))
}

func datagramBinding(s *situation) {
	e, f := s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
	s.note("bind", e.Bind(s.at(0)))
	a := s.bound(e, "e")
	s.note("bind again", e.Bind(s.at(0)))
	s.note("bind to the same", f.Bind(a))
	s.note("bind elsewhere", f.Bind(netip.AddrPortFrom(s.elsewhere, 0)))
	s.note("reuse", f.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	s.note("bind, one allows reuse", f.Bind(a))
	s.note("reuse", e.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	s.note("bind, both allow reuse", f.Bind(a))
}

func optionTable(s *situation, kind int) {
	e := s.make(kind)
	for _, o := range []struct{ level, name, value int }{
		{SOL_SOCKET, SO_TYPE, 1}, {SOL_SOCKET, SO_PROTOCOL, 1}, {SOL_SOCKET, SO_DOMAIN, 1},
		{SOL_SOCKET, SO_ERROR, 1}, {SOL_SOCKET, SO_ACCEPTCONN, 1},
		{SOL_SOCKET, SO_REUSEADDR, 1}, {SOL_SOCKET, SO_REUSEADDR, 17}, {SOL_SOCKET, SO_REUSEADDR, 0},
		{SOL_SOCKET, SO_BROADCAST, 1}, {SOL_SOCKET, SO_KEEPALIVE, 1},
		{SOL_SOCKET, SO_RCVBUF, 100000}, {SOL_SOCKET, SO_SNDBUF, 100000},
		{SOL_SOCKET, SO_RCVBUF, 0}, {SOL_SOCKET, SO_SNDBUF, 0},
		{SOL_SOCKET, 9999, 1}, {77, 1, 1},
		{SOL_TCP, TCP_NODELAY, 1}, {SOL_TCP, TCP_NODELAY, 0},
		{SOL_TCP, TCP_KEEPIDLE, 0}, {SOL_TCP, TCP_KEEPIDLE, 100}, {SOL_TCP, TCP_KEEPIDLE, 32768},
		{SOL_TCP, TCP_KEEPINTVL, 10}, {SOL_TCP, TCP_KEEPCNT, 3}, {SOL_TCP, TCP_KEEPCNT, 128},
		{SOL_TCP, 9999, 1},
	} {
		what := fmt.Sprintf("setsockopt %d/%d %d", o.level, o.name, o.value)
		s.note(what, e.SetSockOpt(o.level, o.name, o.value))
		v, err := e.GetSockOpt(o.level, o.name)
		s.note(what+" then get", v, err)
	}
	if kind == SOCK_DGRAM {
		for _, ttl := range []int{-1, 0, 1, 255, 256} {
			s.note("IP_TTL", ttl, e.SetSockOpt(SOL_IP, IP_TTL, ttl))
			s.option(e, SOL_IP, IP_TTL)
		}
	}
	s.note("SO_LINGER", setLinger(e, true, 3))
}

func inheritedOptions(s *situation) {
	l, addr := s.listener()
	s.note("nonblock", l.SetNonblock(true))
	s.note("nodelay", l.SetSockOpt(SOL_TCP, TCP_NODELAY, 1))
	s.note("keepalive", l.SetSockOpt(SOL_SOCKET, SO_KEEPALIVE, 1))
	s.note("reuse", l.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	s.note("timeout", setTimeout(l, SO_RCVTIMEO, 10*time.Millisecond))
	c := s.make(SOCK_STREAM)
	s.note("connect", c.Connect(addr))
	s.settle()
	p, err := s.accept(l)
	s.note("accept", err)
	if err != nil {
		return
	}
	s.option(p, SOL_TCP, TCP_NODELAY)
	s.option(p, SOL_SOCKET, SO_KEEPALIVE)
	s.option(p, SOL_SOCKET, SO_REUSEADDR)
	s.recv(p, 1, 0)
}
