package differential

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	. "septet/socket"
)

// What the other files leave out: small rules that a program meets seldom.

var corners = []script{
	{name: "connect by loopback, then by the link", run: loopbackThenLink, wire: true},
	{name: "disconnected, then connected by the link", run: disconnectedThenLink, wire: true},
	{name: "to all from a mapped address", run: allFromMapped, in: only6},
	{name: "disconnect and the device", run: disconnectDevice, wire: true},
	{name: "bound again after a disconnect", run: boundAgain},
	{name: "heard after a disconnect", run: heardAfterDisconnect},
	{name: "a stream bound to a group", run: streamFromGroup, in: only4, wire: true},
	{name: "broadcast of loopback", run: loopbackBroadcasts, in: only4},
	{name: "protocols beyond a byte", run: protocolsBeyond},
	{name: "addresses of one link", run: addressesOfLink, in: only6},
	{name: "bytes dropped", run: bytesDropped},
	{name: "foreign addresses allowed", run: foreignAllowed, wire: true},
	{name: "IPV6_MTU", run: mtu6, in: only6, wire: true},
	{name: "raw: what is told of a datagram", run: rawTold, wire: true},
	{name: "raw: errors, not connected", run: func(s *situation) { rawErrors(s, false, false) }, in: only4, wire: true},
	{name: "raw: errors, connected", run: func(s *situation) { rawErrors(s, true, false) }, in: only4, wire: true},
	{name: "raw: errors, IP_RECVERR", run: func(s *situation) { rawErrors(s, false, true) }, in: only4, wire: true},
	{name: "raw: errors, connected, IP_RECVERR", run: func(s *situation) { rawErrors(s, true, true) }, in: only4, wire: true},
	{name: "TCP_WINDOW_CLAMP", run: windowClamp, wire: true},
	{name: "TCP_WINDOW_CLAMP of a listener", run: windowClampListener, wire: true},
	{name: "IP_MTU_DISCOVER of a stream", run: mayCut, in: only4, wire: true},
	{name: "the wrong family, too long", run: wrongAndLong},
}

// loopbackThenLink: the first connect has chosen the source of the second.
func loopbackThenLink(s *situation) {
	d := s.make(SOCK_DGRAM)
	s.note("connect", d.Connect(s.at(9)))
	s.bound(d, "own")
	s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
	s.sockName(d)
	s.peerName(d)
	d = s.make(SOCK_DGRAM)
	s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
	s.bound(d, "own")
	s.note("connect", d.Connect(s.at(9)))
	s.sockName(d)
	s.peerName(d)
}

func disconnectedThenLink(s *situation) {
	d := s.make(SOCK_DGRAM)
	s.note("connect", d.Connect(s.at(9)))
	s.note("disconnect", d.Connect(netip.AddrPort{}))
	s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
	s.bound(d, "own")
	s.sockName(d)
}

// allFromMapped: what :: is to a socket that has an address of IPv4.
func allFromMapped(s *situation) {
	four, six := s.of(AF_INET, SOCK_DGRAM), s.of(AF_INET6, SOCK_DGRAM)
	s.must("only IPv6", six.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1))
	port := s.bind(four, addr("0.0.0.0"), "server").Port()
	s.must("bind", six.Bind(netip.AddrPortFrom(s.any, port)))
	for _, own := range []string{"::", "::1", "::ffff:127.0.0.1", "::ffff:127.0.0.2", "::ffff:0.0.0.0"} {
		for _, to := range []string{"::", "::ffff:0.0.0.0"} {
			d := s.make(SOCK_DGRAM)
			s.must("bind", d.Bind(netip.AddrPortFrom(addr(own), 0)))
			s.bound(d, "client")
			n, err := d.SendTo([]byte("x"), 0, netip.AddrPortFrom(addr(to), port))
			s.note("sendto "+to+" from "+own, n, err)
			s.settle()
			s.recv(four, 5, MSG_DONTWAIT)
			s.recv(six, 5, MSG_DONTWAIT)
			s.note("connect", d.Connect(netip.AddrPortFrom(addr(to), port)))
			s.peerName(d)
			s.sockName(d)
		}
	}
	l := s.of(AF_INET, SOCK_STREAM)
	port = s.bind(l, addr("0.0.0.0"), "listener").Port()
	s.must("listen", l.Listen(5))
	for _, own := range []string{"::", "::1", "::ffff:127.0.0.1", "::ffff:127.0.0.2", "::ffff:0.0.0.0"} {
		d := s.make(SOCK_STREAM)
		s.must("bind", d.Bind(netip.AddrPortFrom(addr(own), 0)))
		s.note("stream connects to :: from "+own, d.Connect(netip.AddrPortFrom(s.any, port)))
		s.peerName(d)
	}
}

func disconnectDevice(s *situation) {
	d := s.make(SOCK_DGRAM)
	s.note("device", d.SetSockOptBytes(SOL_SOCKET, SO_BINDTODEVICE, []byte("eth0\x00")))
	s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
	s.option(d, SOL_SOCKET, SO_BINDTOIFINDEX)
	s.note("disconnect", d.Connect(netip.AddrPort{}))
	s.option(d, SOL_SOCKET, SO_BINDTOIFINDEX)
	t := s.make(SOCK_STREAM)
	s.note("device", t.SetSockOptBytes(SOL_SOCKET, SO_BINDTODEVICE, []byte("eth0\x00")))
	s.note("disconnect", t.Connect(netip.AddrPort{}))
	s.option(t, SOL_SOCKET, SO_BINDTOIFINDEX)
}

func boundAgain(s *situation) {
	d := s.make(SOCK_DGRAM)
	s.bind(d, s.loopback, "first")
	s.note("disconnect", d.Connect(netip.AddrPort{}))
	s.sockName(d)
	s.note("bind", d.Bind(netip.AddrPortFrom(s.any, 0)))
	s.bound(d, "second")
	s.sockName(d)
	e := s.make(SOCK_DGRAM)
	s.note("a port that was asked for", e.Bind(s.at(30007)))
	s.note("disconnect", e.Connect(netip.AddrPort{}))
	s.bound(e, "asked")
	s.sockName(e)
}

// heardAfterDisconnect: a port that was given back is not heard any more.
func heardAfterDisconnect(s *situation) {
	d, e := s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
	a := s.bind(d, s.loopback, "first")
	s.note("disconnect", d.Connect(netip.AddrPort{}))
	n, err := e.SendTo([]byte("x"), 0, a)
	s.note("sendto", n, err)
	s.settle()
	s.recv(d, 5, MSG_DONTWAIT)
	s.note("another binds to it", s.make(SOCK_DGRAM).Bind(a))
}

func streamFromGroup(s *situation) {
	_, server := s.listener()
	there := s.on(s.there, s.domain, SOCK_STREAM, 0)
	port := s.bind(there, s.any, "there").Port()
	s.must("listen", there.Listen(5))
	for _, own := range []string{"224.0.0.1", "255.255.255.255", "192.0.2.255", "127.255.255.255"} {
		d := s.make(SOCK_STREAM)
		s.note("bind to "+own, d.Bind(netip.AddrPortFrom(addr(own), 0)))
		s.bound(d, "client")
		s.sockName(d)
		s.note("connect", d.Connect(server))
		s.sockName(d)
		d = s.make(SOCK_STREAM)
		s.note("bind to "+own, d.Bind(netip.AddrPortFrom(addr(own), 0)))
		s.bound(d, "client")
		s.note("connect to the other machine", d.Connect(netip.AddrPortFrom(s.far, port)))
		s.sockName(d)
		d = s.make(SOCK_STREAM)
		s.note("bind to "+own, d.Bind(netip.AddrPortFrom(addr(own), 0)))
		s.note("listen", d.Listen(1))
		a := s.bound(d, "listener")
		s.note("connect to it", s.make(SOCK_STREAM).Connect(a))
	}
}

func loopbackBroadcasts(s *situation) {
	to := addr("127.255.255.255")
	all, one, many := s.make(SOCK_DGRAM), s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
	for _, d := range []Descriptor{all, one, many} {
		s.must("reuse", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, 1))
	}
	port := s.bind(all, s.any, "server").Port()
	s.note("bind", one.Bind(s.at(port)))
	s.note("bind", many.Bind(netip.AddrPortFrom(to, port)))
	d := s.make(SOCK_DGRAM)
	n, err := d.SendTo([]byte("x"), 0, netip.AddrPortFrom(to, port))
	s.note("sendto", n, err)
	s.note("broadcast", d.SetSockOpt(SOL_SOCKET, SO_BROADCAST, 1))
	n, err = d.SendTo([]byte("x"), 0, netip.AddrPortFrom(to, port))
	s.note("sendto", n, err)
	s.bound(d, "client")
	s.settle()
	for _, e := range []Descriptor{all, one, many} {
		b := make([]byte, 5)
		n, from, err := e.RecvFrom(b, MSG_DONTWAIT)
		s.note("recvfrom", n, from, err)
	}
}

func protocolsBeyond(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM, SOCK_RAW} {
		for _, protocol := range []int{255, 256, 261, 263, 1 << 16} {
			d, err := s.sys.Socket(s.domain, kind, protocol)
			s.note(fmt.Sprintf("kind %d, protocol %d", kind, protocol), err)
			if err == nil {
				s.option(d, SOL_SOCKET, SO_PROTOCOL)
				d.Close()
			}
		}
	}
}

func addressesOfLink(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, a := range []string{"fe80::1", "ff01::1", "ff02::1", "ff05::1"} {
			d := s.make(kind)
			s.note(fmt.Sprintf("kind %d to %s", kind, a), d.Bind(netip.AddrPortFrom(addr(a), 0)))
			s.note("connect to it", d.Connect(netip.AddrPortFrom(addr(a), 9)))
		}
	}
}

// bytesDropped: MSG_TRUNC takes bytes of a stream and gives them to nobody.
func bytesDropped(s *situation) {
	c, p := s.pair()
	s.send(c, "0123456789")
	s.settle()
	s.recv(p, 3, MSG_TRUNC|MSG_PEEK)
	s.recv(p, 3, MSG_TRUNC)
	s.recv(p, 3, 0)
	s.recv(p, 20, MSG_TRUNC)
	s.recv(p, 20, MSG_TRUNC|MSG_DONTWAIT)
	s.note("shutdown", c.Shutdown(SHUT_WR))
	s.settle()
	s.recv(p, 20, MSG_TRUNC)
}

func foreignAllowed(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		d := s.make(kind)
		s.note("bind", d.Bind(netip.AddrPortFrom(s.elsewhere, 0)))
		level, name := SOL_IP, IP_FREEBIND
		s.note("IP_FREEBIND", d.SetSockOpt(level, name, 1))
		s.note("bind", d.Bind(netip.AddrPortFrom(s.elsewhere, 0)))
		s.bound(d, "own")
		s.sockName(d)
		if kind == SOCK_STREAM {
			s.note("listen", d.Listen(1))
			s.option(d, SOL_SOCKET, SO_ACCEPTCONN)
			e := s.make(kind)
			s.must("IP_FREEBIND", e.SetSockOpt(level, name, 1))
			s.note("bind", e.Bind(netip.AddrPortFrom(s.elsewhere, 0)))
			d = e
		}
		s.must("nonblock", d.SetNonblock(true))
		s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
		s.note("connect here", d.Connect(s.at(9)))
	}
}

func mtu6(s *situation) {
	server, d := s.on(s.there, s.domain, SOCK_DGRAM, 0), s.make(SOCK_DGRAM)
	a := s.bind(server, s.far, "server")
	s.option(d, SOL_IPV6, IPV6_MTU)
	s.values(d, SOL_IPV6, IPV6_MTU, 1279, 1280, 1400)
	s.note("connect", d.Connect(a))
	s.option(d, SOL_IPV6, IPV6_MTU)
	s.note("no fragments", d.SetSockOpt(SOL_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO))
	for _, size := range []int{1352, 1353, 1452, 1453} {
		n, err := d.Send(make([]byte, size), 0)
		s.note(fmt.Sprint("send ", size), n, err)
		s.settle()
		n, err = server.Recv(make([]byte, 2000), MSG_DONTWAIT)
		s.note("recv", n, err)
	}
	s.values(d, SOL_IPV6, IPV6_MTU, 0)
	for _, size := range []int{1452, 1453} {
		n, err := d.Send(make([]byte, size), 0)
		s.note(fmt.Sprint("send ", size), n, err)
	}
}

// rawProtocol is one that nobody speaks (RFC 3692).
const rawProtocol = 253

func rawTold(s *situation) {
	if s.name4() {
		return
	}
	level, names := SOL_IP, []int{IP_PKTINFO, IP_RECVTTL, IP_RECVTOS}
	if s.domain == AF_INET6 {
		level, names = SOL_IPV6, []int{IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS}
	}
	d, e := s.on(s.there, s.domain, SOCK_RAW, rawProtocol), s.on(s.sys, s.domain, SOCK_RAW, rawProtocol)
	for _, name := range names {
		s.note("set", d.SetSockOpt(level, name, 1))
		s.option(d, level, name)
	}
	n, err := e.SendTo([]byte("x"), 0, netip.AddrPortFrom(s.far, 0))
	s.note("sendto", n, err)
	s.settle()
	m := &Message{Buffers: [][]byte{make([]byte, 100)}, ControlSize: 200}
	n, err = d.RecvMsg(m, MSG_DONTWAIT)
	s.note("recvmsg", n, m.Name, m.Flags, err)
	for _, c := range m.Control {
		s.note("control", c.Level, c.Type, c.Data)
	}
	s.note("SO_TIMESTAMP", d.SetSockOpt(SOL_SOCKET, SO_TIMESTAMP, 1))
	_, err = e.SendTo([]byte("x"), 0, netip.AddrPortFrom(s.far, 0))
	s.must("sendto", err)
	s.settle()
	m = &Message{Buffers: [][]byte{make([]byte, 100)}, ControlSize: 200}
	_, err = d.RecvMsg(m, MSG_DONTWAIT)
	for _, c := range m.Control {
		s.note("control", c.Level, c.Type, len(c.Data))
	}
	s.note("recvmsg", err)
}

// name4 reports whether the addresses are IPv4's in a socket of IPv6, which raw sockets
// do not have.
func (s *situation) name4() bool { return s.domain == AF_INET6 && s.loopback.Is4In6() }

// rawErrors: whether a raw socket is told that the other machine does not speak the
// protocol (raw(7)).
func rawErrors(s *situation, connected, wanted bool) {
	d := s.on(s.sys, s.domain, SOCK_RAW, rawProtocol)
	if wanted {
		s.note("IP_RECVERR", d.SetSockOpt(SOL_IP, IP_RECVERR, 1))
	}
	to := netip.AddrPortFrom(s.far, 0)
	if connected {
		s.note("connect", d.Connect(to))
	}
	const text = "as much as an error quotes"
	n, err := d.SendTo([]byte(text), 0, to)
	s.note("sendto", n, err)
	s.settle()
	b := make([]byte, 100)
	n, err = d.Recv(b, MSG_DONTWAIT)
	s.note("recv", n, err)
	n, err = d.Recv(b, MSG_DONTWAIT)
	s.note("recv", n, err)
	m := &Message{Buffers: [][]byte{b}, ControlSize: 200}
	n, err = d.RecvMsg(m, MSG_ERRQUEUE)
	s.note("error queue", n, m.Name, m.Flags, err)
	if err == nil { // with the IP header, whose identification is the sender's own
		s.note("quoted", string(b[max(n-len(text), 0):n]))
	}
	for _, c := range m.Control {
		s.note("control", c.Level, c.Type, c.Data)
	}
	s.pendingError(d)
	_ = s.here.Sleep(1100 * time.Millisecond) // Linux tells one peer of one error a second
	n, err = d.SendTo([]byte(text), 0, to)
	s.note("sendto", n, err)
	s.settle()
	n, err = d.SendTo([]byte(text), 0, to)
	s.note("sendto again", n, err)
	s.pendingError(d)
	s.pendingError(d)
}

// windowClamp: the largest window that a receiver with a clamp offers, as its peer has it.
func windowClamp(s *situation) {
	for _, clamp := range []int{500, 2000, 10_000, 40_000} {
		l := s.on(s.there, s.domain, SOCK_STREAM, 0)
		a := s.bind(l, s.far, "server")
		s.must("listen", l.Listen(1))
		c := s.make(SOCK_STREAM)
		s.note("clamp", c.SetSockOpt(SOL_TCP, TCP_WINDOW_CLAMP, clamp))
		s.option(c, SOL_TCP, TCP_WINDOW_CLAMP)
		s.note("connect", c.Connect(a))
		s.option(c, SOL_TCP, TCP_WINDOW_CLAMP)
		p, err := s.accept(l)
		s.must("accept", err)
		s.note("the first window", sendWindow(p))
		for range 5 {
			_, err := p.Send(make([]byte, 400), 0)
			s.must("send", err)
			s.settle()
			_, err = c.Recv(make([]byte, 1000), MSG_DONTWAIT)
			s.must("recv", err)
		}
		s.note("later ones are not scaled", sendWindow(p) <= 65535)
	}
}

func windowClampListener(s *situation) {
	for _, clamp := range []int{500, 10_000} {
		l := s.on(s.there, s.domain, SOCK_STREAM, 0)
		s.note("clamp", l.SetSockOpt(SOL_TCP, TCP_WINDOW_CLAMP, clamp))
		a := s.bind(l, s.far, "server")
		s.must("listen", l.Listen(1))
		c := s.make(SOCK_STREAM)
		s.note("connect", c.Connect(a))
		// Linux makes it whole segments, here of those with timestamps.
		window := sendWindow(c)
		s.note("the first window", window <= max(clamp, 1152), window > clamp*3/4)
		d, err := s.accept(l)
		s.must("accept", err)
		s.option(d, SOL_TCP, TCP_WINDOW_CLAMP)
	}
}

// sendWindow is tcpi_snd_wnd of struct tcp_info.
func sendWindow(d Descriptor) int {
	b := make([]byte, 232)
	if n, err := d.GetSockOptBytes(SOL_TCP, TCP_INFO, b); err != nil || n < len(b) {
		return -1
	}
	return int(binary.NativeEndian.Uint32(b[228:]))
}

// mayCut: whether routers may cut the segments of a stream, read by a raw socket at the
// other machine.
func mayCut(s *situation) {
	for _, value := range []int{-1, IP_PMTUDISC_DONT, IP_PMTUDISC_WANT, IP_PMTUDISC_DO, IP_PMTUDISC_PROBE, IP_PMTUDISC_INTERFACE, IP_PMTUDISC_OMIT} {
		l := s.on(s.there, s.domain, SOCK_STREAM, 0)
		a := s.bind(l, s.far, "server")
		s.must("listen", l.Listen(1))
		c := s.make(SOCK_STREAM)
		if value >= 0 {
			s.note("IP_MTU_DISCOVER", c.SetSockOpt(SOL_IP, IP_MTU_DISCOVER, value))
		}
		s.must("connect", c.Connect(a))
		p, err := s.accept(l)
		s.must("accept", err)
		s.settle()
		sniffer := s.on(s.there, s.domain, SOCK_RAW, IPPROTO_TCP)
		_, err = c.Send([]byte("x"), 0)
		s.must("send", err)
		s.settle()
		b := make([]byte, 100)
		n, err := sniffer.Recv(b, MSG_DONTWAIT)
		s.must("recv", err)
		s.note(fmt.Sprintf("IP_MTU_DISCOVER %d: with data, don't fragment", value), n > 40, b[6]&0x40 != 0)
		_, _ = p.Close(), sniffer.Close()
	}
}

// wrongAndLong: which of two faults is told.
func wrongAndLong(s *situation) {
	long := make([]byte, 65536)
	for _, a := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
		for _, port := range []uint16{0, 9} {
			d := s.make(SOCK_DGRAM)
			n, err := d.SendTo(long, 0, netip.AddrPortFrom(addr(a), port))
			s.note(fmt.Sprintf("sendto %s, port %d", a, port), n, err)
			n, err = d.SendTo(long, MSG_OOB, netip.AddrPortFrom(addr(a), port))
			s.note("urgent", n, err)
			n, err = d.SendTo(nil, MSG_OOB, netip.AddrPortFrom(addr(a), port))
			s.note("urgent, nothing", n, err)
		}
	}
}
