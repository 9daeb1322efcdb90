package differential

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	. "septet/socket"
)

// What goes with the data: control messages, the queue of errors, options of all lengths.

var messages = []script{
	{name: "what a datagram tells", run: toldOfDatagrams},
	{name: "little room for it", run: littleControl},
	{name: "cut datagrams", run: cutDatagrams},
	{name: "control messages to send", run: sentControl},
	{name: "bad control messages", run: badControl},
	{name: "TTL and TOS of each family", run: marksOfFamilies, in: []string{ipv6, mapped}},
	{name: "datagrams in pieces", run: inPieces},
	{name: "datagrams in pieces, two families", run: otherFamily, in: []string{ipv6}},
	{name: "errors of datagrams", run: queuedErrors},
	{name: "too long for the path", run: tooLongErrors, in: []string{ipv4, mapped}},
	{name: "messages on streams", run: streamMessages},
	{name: "times on streams", run: streamStamps},
	{name: "low-water mark", run: lowWaterMark},
	{name: "options of all lengths", run: optionLengths},
}

// message notes what recvmsg returns.
func (s *situation) message(e Descriptor, size, control, flags int) {
	m := &Message{Buffers: [][]byte{make([]byte, size)}, ControlSize: control}
	n, err := e.RecvMsg(m, flags)
	s.note(fmt.Sprintf("recvmsg(%d, %d, %#x)", size, control, flags), n, string(m.Buffers[0][:min(n, size)]), m.Name, fmt.Sprintf("%#x", m.Flags), err)
	for _, c := range m.Control {
		data := fmt.Sprintf("% x", c.Data)
		if c.Level == SOL_SOCKET {
			data = fmt.Sprintf("%d bytes", len(c.Data)) // two clocks
		}
		if c.Type == IP_RECVORIGDSTADDR && c.Level == SOL_IP {
			data = fmt.Sprintf("% x", append(c.Data[:2:2], c.Data[4:]...)) // two ports
		}
		s.note("  control", c.Level, c.Type, data)
	}
}

func joined(buffers [][]byte) (all []byte) {
	for _, b := range buffers {
		all = append(all, b...)
	}
	return all
}

// marksOfFamilies: IP_TTL and IP_TOS are for IPv4, IPV6_UNICAST_HOPS and IPV6_TCLASS for
// IPv6, and one socket has them all.
func marksOfFamilies(s *situation) {
	set := func(d Descriptor) {
		s.values(d, SOL_IP, IP_TTL, 33, -1, 34)
		s.values(d, SOL_IPV6, IPV6_UNICAST_HOPS, 44, -1, 0, 45)
		s.values(d, SOL_IP, IP_TOS, 0x48, 0x4b)
		s.values(d, SOL_IPV6, IPV6_TCLASS, 0x20, -1, 0x23)
		s.option(d, SOL_IP, IP_TTL)
		s.option(d, SOL_IP, IP_TOS)
	}
	from, to := datagramPair(s)
	s.tellAll(to)
	set(from)
	s.send(from, "as set")
	s.settle()
	s.message(to, 10, 500, 0)
	l, a := s.listener()
	set(l)
	s.must("hops", l.SetSockOpt(SOL_IPV6, IPV6_UNICAST_HOPS, 0))
	s.clients(a, 1)
	d, err := s.accept(l)
	s.must("accept", err)
	for _, name := range []int{IPV6_UNICAST_HOPS, IPV6_TCLASS} {
		s.option(d, SOL_IPV6, name)
	}
	s.option(d, SOL_IP, IP_TTL)
	s.option(d, SOL_IP, IP_TOS)
}

// tellAll are the options that have something told of a datagram.
func (s *situation) tellAll(e Descriptor) {
	for _, o := range []struct{ level, name int }{
		{SOL_IP, IP_PKTINFO}, {SOL_IP, IP_RECVTTL}, {SOL_IP, IP_RECVTOS}, {SOL_IP, IP_RECVORIGDSTADDR},
		{SOL_IPV6, IPV6_RECVPKTINFO}, {SOL_IPV6, IPV6_RECVHOPLIMIT}, {SOL_IPV6, IPV6_RECVTCLASS},
		{SOL_SOCKET, SO_TIMESTAMP},
	} {
		s.note("tell", o.level, o.name, e.SetSockOpt(o.level, o.name, 1))
	}
}

func toldOfDatagrams(s *situation) {
	from, to := datagramPair(s)
	s.tellAll(to)
	s.note("TTL", from.SetSockOpt(SOL_IP, IP_TTL, 7))
	s.note("TOS", from.SetSockOpt(SOL_IP, IP_TOS, 0x48))
	s.note("hops", from.SetSockOpt(SOL_IPV6, IPV6_UNICAST_HOPS, 9))
	s.note("class", from.SetSockOpt(SOL_IPV6, IPV6_TCLASS, 0xb8))
	if s.loopback.Unmap().Is4() { // one value for both families here
		s.note("TTL", from.SetSockOpt(SOL_IP, IP_TTL, 7))
		s.note("TOS", from.SetSockOpt(SOL_IP, IP_TOS, 0x48))
	}
	s.send(from, "told")
	s.send(from, "")
	s.settle()
	s.message(to, 10, 500, MSG_PEEK)
	s.message(to, 10, 500, 0)
	s.message(to, 10, 500, 0)
	s.note("nanoseconds", to.SetSockOpt(SOL_SOCKET, SO_TIMESTAMPNS, 1))
	s.option(to, SOL_SOCKET, SO_TIMESTAMP)
	s.send(from, "stamped")
	s.settle()
	s.message(to, 10, 500, 0)
	s.note("no stamps", to.SetSockOpt(SOL_SOCKET, SO_TIMESTAMP, 0))
	s.option(to, SOL_SOCKET, SO_TIMESTAMPNS)
	s.send(from, "not stamped")
	s.settle()
	s.message(to, 10, 500, 0)
	s.message(to, 10, 500, MSG_DONTWAIT)
}

func littleControl(s *situation) {
	from, to := datagramPair(s)
	s.tellAll(to)
	for _, room := range []int{0, 8, 15, 16, 17, 24, 31, 32, 40, 48, 60, 63, 64, 72, 100, 120} {
		s.send(from, "x")
		s.settle()
		s.message(to, 10, room, 0)
	}
}

func cutDatagrams(s *situation) {
	from, to := datagramPair(s)
	for _, flags := range []int{0, MSG_TRUNC, MSG_PEEK, MSG_PEEK | MSG_TRUNC, MSG_WAITALL} {
		s.send(from, "0123456789")
		s.settle()
		s.message(to, 4, 0, flags)
	}
	s.message(to, 0, 0, 0)
	s.message(to, 20, 0, 0)
	s.message(to, 4, 0, MSG_DONTWAIT)
	s.message(to, 4, 0, MSG_ERRQUEUE)
	s.message(to, 4, 0, MSG_OOB|MSG_DONTWAIT)
	n, err := to.SendMsg(&Message{}, 0)
	s.note("sendmsg to nobody", n, err)
	n, err = from.SendMsg(&Message{}, 0)
	s.note("sendmsg of nothing", n, err)
	n, err = from.SendMsg(&Message{Buffers: [][]byte{[]byte("two "), []byte("parts")}}, 0)
	s.note("sendmsg", n, err)
	s.settle()
	s.message(to, 20, 100, 0)
	s.message(to, 20, 100, 0)
}

func ints(values ...int) (b []byte) {
	for _, v := range values {
		b = binary.NativeEndian.AppendUint32(b, uint32(int32(v)))
	}
	return b
}

// control sends with one control message and notes what came of it.
func (s *situation) control(from, to Descriptor, level, kind int, data []byte) {
	n, err := from.SendMsg(&Message{Buffers: [][]byte{[]byte("c")}, Control: []ControlMessage{{Level: level, Type: kind, Data: data}}}, 0)
	s.note(fmt.Sprintf("sendmsg %d/%d % x", level, kind, data), n, err)
	if err == nil && to != nil {
		s.settle()
		s.message(to, 10, 500, MSG_DONTWAIT)
	}
}

func packetInfo6(a netip.Addr, index int) []byte {
	six := a.As16()
	return append(six[:], ints(index)...)
}

func sentControl(s *situation) {
	from, to := datagramPair(s)
	s.tellAll(to)
	s.control(from, to, SOL_IP, IP_TTL, ints(3))
	s.control(from, to, SOL_IP, IP_TOS, ints(0x20))
	s.control(from, to, SOL_IP, IP_TOS, []byte{0x28})
	s.control(from, to, SOL_IPV6, IPV6_HOPLIMIT, ints(4))
	s.control(from, to, SOL_IPV6, IPV6_HOPLIMIT, ints(-1))
	s.control(from, to, SOL_IPV6, IPV6_TCLASS, ints(0x60))
	s.control(from, to, SOL_IPV6, IPV6_TCLASS, ints(-1))
	s.control(from, to, SOL_IPV6, IPV6_PKTINFO, packetInfo6(s.loopback, 0))
	s.control(from, to, SOL_IPV6, IPV6_PKTINFO, packetInfo6(s.loopback, 1))
	s.control(from, to, SOL_IPV6, IPV6_PKTINFO, packetInfo6(netip.IPv6Unspecified(), 1))
	if s.loopback.Unmap().Is4() {
		other := s.make(SOCK_DGRAM)
		s.note("connect", other.Connect(s.bound(to, "to")))
		s.bound(other, "other")
		for _, src := range []string{"127.0.0.1", "127.0.0.9", "0.0.0.0"} {
			a := netip.MustParseAddr(src).As4()
			s.control(other, to, SOL_IP, IP_PKTINFO, append(append(ints(0), a[:]...), 0, 0, 0, 0))
			s.control(other, to, SOL_IP, IP_PKTINFO, append(append(ints(1), a[:]...), 0, 0, 0, 0))
		}
	}
	s.control(from, to, 77, 1, ints(4)) // nobody's
	s.send(from, "as ever")
	s.settle()
	s.message(to, 10, 500, 0)
}

func badControl(s *situation) {
	from, _ := datagramPair(s)
	var to Descriptor // what comes is of no interest
	for _, value := range []int{-2, -1, 0, 1, 255, 256} {
		s.control(from, to, SOL_IP, IP_TTL, ints(value))
		s.control(from, to, SOL_IP, IP_TOS, ints(value))
		s.control(from, to, SOL_IPV6, IPV6_TCLASS, ints(value))
		if value != 0 {
			s.control(from, to, SOL_IPV6, IPV6_HOPLIMIT, ints(value))
		}
	}
	for _, length := range []int{0, 1, 2, 8, 11, 12, 13, 19, 20, 24} {
		s.control(from, to, SOL_IP, IP_TTL, make([]byte, length))
		s.control(from, to, SOL_IP, IP_PKTINFO, make([]byte, length))
		s.control(from, to, SOL_IPV6, IPV6_PKTINFO, make([]byte, length))
		s.control(from, to, SOL_IPV6, IPV6_TCLASS, make([]byte, length))
		s.control(from, to, SOL_IPV6, IPV6_HOPLIMIT, append(ints(4), make([]byte, length)...))
	}
	s.control(from, to, SOL_IP, 99, ints(1))
	s.control(from, to, SOL_IPV6, 99, ints(1))
	s.control(from, to, SOL_SOCKET, 99, ints(1))
	s.control(from, to, SOL_SOCKET, SO_TIMESTAMP, ints(1))
	s.control(from, to, SOL_IPV6, IPV6_PKTINFO, packetInfo6(s.loopback, 99))
	s.control(from, to, SOL_IPV6, IPV6_PKTINFO, packetInfo6(s.elsewhere, 0))
	s.control(from, to, SOL_IP, IP_PKTINFO, ints(99, 0, 0))
	s.control(from, to, SOL_IP, IP_PKTINFO, append(ints(0), 192, 0, 2, 1, 0, 0, 0, 0))
}

// queuedErrors are about datagrams for a port where nobody is.
func queuedErrors(s *situation) {
	nobody := s.closedPort(SOCK_DGRAM)
	for _, connected := range []bool{false, true} {
		e := s.make(SOCK_DGRAM)
		s.note("nonblock", e.SetNonblock(true))
		s.note("IP_RECVERR", e.SetSockOpt(SOL_IP, IP_RECVERR, 1))
		s.note("IPV6_RECVERR", e.SetSockOpt(SOL_IPV6, IPV6_RECVERR, 1))
		to := nobody
		if connected {
			s.note("connect", e.Connect(nobody))
			to = netip.AddrPort{}
		}
		send := func(text string) {
			n, err := e.SendTo([]byte(text), 0, to)
			s.note("send", n, err)
			s.settle()
		}
		send("lost")
		s.message(e, 10, 200, MSG_ERRQUEUE)
		s.message(e, 10, 200, MSG_ERRQUEUE)
		s.pendingError(e)
		send("lost as well")
		s.message(e, 10, 200, 0)
		s.message(e, 10, 200, 0)
		s.message(e, 4, 30, MSG_ERRQUEUE)
		send("one")
		send("two")
		send("three")
		s.pendingError(e)
		s.message(e, 10, 200, MSG_ERRQUEUE|MSG_PEEK)
		s.message(e, 10, 200, MSG_ERRQUEUE)
		s.pendingError(e)
		n, err := e.RecvMsg(&Message{}, MSG_ERRQUEUE)
		s.note("recvmsg of nothing", n, err)
		send("")
		s.recv(e, 10, MSG_ERRQUEUE)
		s.recv(e, 10, MSG_ERRQUEUE)
		s.recv(e, 10, MSG_ERRQUEUE)
		s.note("off", e.SetSockOpt(SOL_IP, IP_RECVERR, 0), e.SetSockOpt(SOL_IPV6, IPV6_RECVERR, 0))
		send("not told")
		s.message(e, 10, 200, MSG_ERRQUEUE)
		s.pendingError(e)
	}
}

func tooLongErrors(s *situation) {
	from, _ := datagramPair(s)
	s.note("IP_RECVERR", from.SetSockOpt(SOL_IP, IP_RECVERR, 1))
	s.note("IPV6_RECVERR", from.SetSockOpt(SOL_IPV6, IPV6_RECVERR, 1))
	for _, length := range []int{65508, 65535, 65536, 70000} {
		n, err := from.SendTo(make([]byte, length), 0, netip.AddrPort{})
		s.note(fmt.Sprint("send ", length), n, err)
		s.pendingError(from)
		s.message(from, 10, 200, MSG_ERRQUEUE)
		s.message(from, 10, 200, MSG_ERRQUEUE)
	}
}

func streamMessages(s *situation) {
	c, p := s.pair()
	n, err := c.SendMsg(&Message{Buffers: [][]byte{[]byte("he"), []byte("llo")}}, 0)
	s.note("sendmsg", n, err)
	s.settle()
	s.message(p, 3, 100, MSG_PEEK)
	s.message(p, 3, 100, 0)
	m := &Message{Buffers: [][]byte{make([]byte, 1), make([]byte, 5)}}
	n, err = p.RecvMsg(m, 0)
	s.note("recvmsg into two", n, string(joined(m.Buffers)), m.Name, m.Flags, err)
	s.message(p, 3, 100, MSG_DONTWAIT)
	s.message(p, 3, 100, MSG_ERRQUEUE)
	n, err = c.SendMsg(&Message{Buffers: [][]byte{[]byte("!")}}, MSG_OOB)
	s.note("sendmsg urgent", n, err)
	s.settle()
	s.message(p, 3, 100, MSG_OOB)
	for _, bad := range []ControlMessage{
		{Level: SOL_SOCKET, Type: 99, Data: ints(1)}, {Level: SOL_IP, Type: IP_TTL, Data: ints(1)},
		{Level: SOL_IP, Type: 99}, {Level: 77, Type: 1},
	} {
		n, err = c.SendMsg(&Message{Buffers: [][]byte{[]byte("x")}, Control: []ControlMessage{bad}}, 0)
		s.note(fmt.Sprint("sendmsg with ", bad.Level, bad.Type), n, err)
		s.settle()
	}
	s.note("shutdown", c.Shutdown(SHUT_WR))
	s.settle()
	s.message(p, 20, 0, 0)
	s.message(p, 20, 0, 0)
	s.message(s.make(SOCK_STREAM), 1, 0, 0)
}

func lowWaterMark(s *situation) {
	c, p := s.pair()
	s.note("low water", p.SetSockOpt(SOL_SOCKET, SO_RCVLOWAT, 5))
	s.send(c, "abc")
	s.settle()
	s.recv(p, 10, MSG_DONTWAIT)
	s.send(c, "defg")
	s.settle()
	s.recv(p, 2, 0)
	s.recv(p, 10, MSG_DONTWAIT)
	s.send(c, "hijklmn")
	s.settle()
	s.recv(p, 10, 0)
	l, addr := s.listener()
	s.note("low water", l.SetSockOpt(SOL_SOCKET, SO_RCVLOWAT, 9))
	s.note("stamps", l.SetSockOpt(SOL_SOCKET, SO_TIMESTAMP, 1))
	d := s.make(SOCK_STREAM)
	s.note("connect", d.Connect(addr))
	a, err := s.accept(l)
	s.note("accept", err)
	if err == nil {
		s.option(a, SOL_SOCKET, SO_RCVLOWAT)
		s.option(a, SOL_SOCKET, SO_TIMESTAMP)
	}
}

// optionLengths gets and sets values that are too short and too long.
func optionLengths(s *situation) {
	lo := append(ints(1), 0, 0, 0, 0)
	groupReq := append(append(lo, 2, 0, 0, 0, 239, 1, 1, 2), make([]byte, 120)...)
	source := append([]byte{2, 0, 0, 0, 10, 0, 0, 1}, make([]byte, 120)...)
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, o := range []struct {
			level, name int
			value       []byte
		}{
			{SOL_SOCKET, SO_REUSEADDR, ints(1)}, {SOL_SOCKET, SO_TYPE, ints(1)}, {SOL_SOCKET, 9999, ints(1)},
			{SOL_SOCKET, SO_LINGER, ints(1, 5)}, {SOL_SOCKET, SO_RCVTIMEO, ints(1, 0, 500000, 0)},
			{SOL_SOCKET, SO_SNDTIMEO, ints(1, 0, 5000000, 0)}, {SOL_SOCKET, SO_RCVTIMEO, ints(-1, -1, 0, 0)},
			{SOL_SOCKET, SO_RCVTIMEO_NEW, ints(2, 0, 8000, 0)},
			{SOL_SOCKET, SO_TIMESTAMP, ints(1)}, {SOL_SOCKET, SO_RCVLOWAT, ints(3)},
			{SOL_IP, IP_TOS, ints(8)}, {SOL_IP, IP_TTL, ints(5)}, {SOL_IP, IP_PKTINFO, ints(1)},
			{SOL_IP, 9999, ints(1)}, {SOL_IP, IP_MTU, ints(1)}, {SOL_IP, IP_MTU_DISCOVER, ints(2)},
			{SOL_IP, IP_MULTICAST_IF, []byte{127, 0, 0, 1}}, {SOL_IP, IP_MULTICAST_IF, append([]byte{0, 0, 0, 0, 127, 0, 0, 1}, ints(1)...)},
			{SOL_IP, IP_MULTICAST_TTL, ints(3)}, {SOL_IP, IP_MULTICAST_LOOP, ints(0)}, {SOL_IP, IP_MULTICAST_ALL, ints(0)},
			{SOL_IP, IP_ADD_MEMBERSHIP, []byte{239, 1, 1, 1, 127, 0, 0, 1}},
			{SOL_IP, IP_DROP_MEMBERSHIP, []byte{239, 1, 1, 1, 127, 0, 0, 1}},
			{SOL_IP, IP_ADD_SOURCE_MEMBERSHIP, []byte{239, 1, 1, 3, 127, 0, 0, 1, 10, 0, 0, 1}},
			{SOL_IPV6, IPV6_UNICAST_HOPS, ints(5)}, {SOL_IPV6, IPV6_TCLASS, ints(8)}, {SOL_IPV6, IPV6_RECVERR, ints(1)},
			{SOL_IPV6, 9999, ints(1)}, {SOL_IPV6, IPV6_MTU, ints(1300)}, {SOL_IPV6, IPV6_MULTICAST_IF, ints(1)},
			{SOL_IPV6, IPV6_JOIN_GROUP, append([]byte{0xff, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, ints(1)...)},
			{SOL_IPV6, IPV6_LEAVE_GROUP, append([]byte{0xff, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, ints(1)...)},
			{SOL_TCP, TCP_NODELAY, ints(1)}, {SOL_TCP, 9999, ints(1)}, {SOL_TCP, TCP_CONGESTION, []byte("reno")},
			{SOL_TCP, TCP_CONGESTION, []byte("reno\x00junk")}, {SOL_TCP, TCP_CONGESTION, []byte("nosuch")},
			{SOL_TCP, TCP_CONGESTION, []byte("renoxxxxxxxxxxxxxxxxxxx")}, {77, 1, ints(1)},
		} {
			s.lengths(kind, o.level, o.name, o.value, 0, 1, 2, 3, 4, 5, 7, 8, 11, 12, 15, 16, 19, 20, 24)
		}
		if kind == SOCK_DGRAM {
			s.lengths(kind, SOL_IP, MCAST_JOIN_GROUP, groupReq, 0, 4, 135, 136, 137, 264)
			s.lengths(kind, SOL_IP, MCAST_JOIN_SOURCE_GROUP, append(groupReq, source...), 136, 263, 264, 265)
		}
	}
}

func (s *situation) lengths(kind, level, name int, value []byte, lengths ...int) {
	for _, n := range lengths {
		e, err := s.sys.Socket(s.domain, kind, 0)
		s.must("socket", err)
		get := func() string {
			b := make([]byte, n)
			got, err := e.GetSockOptBytes(level, name, b)
			return fmt.Sprintf("% x %v", b[:got], err)
		}
		if level == SOL_TCP && name == TCP_CONGESTION {
			e.SetSockOptBytes(level, name, []byte("cubic"))
		}
		before := get()
		v := append(append([]byte(nil), value...), make([]byte, 300)...)[:n]
		set := e.SetSockOptBytes(level, name, v)
		s.note(fmt.Sprintf("kind %d, %d/%d with %d bytes", kind, level, name, n), before, "set", set, "then", get())
		e.Close()
	}
}
