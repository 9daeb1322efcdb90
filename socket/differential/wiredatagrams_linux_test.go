package differential

import (
	"fmt"
	"net/netip"
	"time"

	"septet/header"
	. "septet/socket"
)

// Datagrams of UDP, and what ICMP says about them.

var wireDatagrams = []wireScript{
	{name: "sent and received", run: wireUDP},
	{name: "to a port where nobody is", run: wireUDPRefused},
	{name: "port unreachable to a connected socket", run: wireUDPErrors},
	{name: "port unreachable to a socket that is not connected", run: wireUDPErrorsOpen},
	{name: "checksums", run: wireUDPChecksums},
	{name: "length lies", run: wireUDPLength},
	{name: "truncated", run: wireUDPTruncated},
	{name: "TTL, TOS and DF", run: wireUDPOptions, four: true},
	{name: "broadcast and multicast received", run: wireUDPBroadcast, four: true},
	{name: "broadcast and multicast sent", run: wireUDPSendBroadcast, four: true},
	{name: "joining a group", run: wireJoin, four: true},
	{name: "larger than the MTU", run: wireUDPLarge},
	{name: "MSG_MORE", run: wireUDPMore},
	{name: "fragmentation needed", run: wireUDPTooBig},
	{name: "connected, from another", run: wireUDPStranger},
	{name: "no checksum sent", run: wireUDPNoCheck},
}

// udp makes a datagram to the host.
func (e *encounter) udp(own, host uint16, data string, change ...func(u []byte)) []byte {
	b := make([]byte, header.UDPLen, header.UDPLen+len(data))
	be.PutUint16(b, own)
	be.PutUint16(b[2:], host)
	be.PutUint16(b[4:], uint16(len(data)+header.UDPLen))
	b = append(b, data...)
	sum := ^header.Checksum(b, header.PseudoSum(e.peer.own, e.peer.host, header.ProtocolUDP, len(b)))
	if sum == 0 {
		sum = 0xffff
	}
	be.PutUint16(b[6:], sum)
	for _, f := range change {
		f(b)
	}
	return b
}

func (e *encounter) datagram(own, host uint16, data string, change ...func(u []byte)) {
	e.says("UDP "+text([]byte(data)), e.wrap(header.ProtocolUDP, e.udp(own, host, data, change...)))
}

// at5000 returns a socket of datagrams on the host.
func (e *encounter) at5000() Descriptor {
	d := e.make(SOCK_DGRAM)
	e.must("bind", d.Bind(netip.AddrPortFrom(e.any, 5000)))
	return d
}

// toPeer is port 7 of the peer.
const toPeer = "the peer"

func (e *encounter) sendTo(d Descriptor, to string, data string, flags int) {
	dst := netip.AddrPortFrom(e.far, 7)
	if to != toPeer {
		dst = netip.MustParseAddrPort(to)
	}
	n, err := d.SendTo([]byte(data), flags|MSG_DONTWAIT, dst)
	e.note("sendto "+to+" "+text([]byte(data)), n, err)
	e.settle()
}

func wireUDP(e *encounter) {
	d := e.at5000()
	e.datagram(7, 5000, "hello")
	e.settle()
	e.recv(d, 10, 0)
	e.sendTo(d, toPeer, "hi", 0)
	e.sendTo(d, toPeer, "", 0)
	e.datagram(7, 5000, "")
	e.settle()
	e.recv(d, 10, 0)
}

func wireUDPRefused(e *encounter) {
	e.datagram(7, 5001, "hello")
	e.settle()
	e.datagram(7, 5001, long(1400))
	e.settle()
	e.datagram(0, 5001, "from port 0")
	e.settle()
	e.datagram(7, 0, "to port 0")
	e.settle()
	e.datagram(7, 5001, "no checksum", func(u []byte) { u[6], u[7] = 0, 0 })
	e.settle()
	e.datagram(7, 5001, "bad checksum", func(u []byte) { u[6] ^= 1 })
	e.settle()
	e.says("with TOS", e.wrap(header.ProtocolUDP, e.udp(7, 5001, "x"), func(h *header.IPv4) { h.TOS = 0xb8 }))
	e.settle()
}

// aboutUDP makes an ICMP error about a datagram from port 5000 to port 7.
func (e *encounter) aboutUDP(kind, code uint8, rest uint32, cut int) []byte {
	u := []byte{5000 >> 8, 5000 & 0xff, 0, 7, 0, 10, 0, 0, 'h', 'i'}
	p := e.wrap(header.ProtocolUDP, u, func(h *header.IPv4) { h.Src, h.Dst = h.Dst, h.Src })
	return e.quoting(kind, code, rest, p[:len(p)-cut])
}

func wireUDPErrors(e *encounter) {
	d := e.at5000()
	e.note("connect", d.Connect(netip.AddrPortFrom(e.far, 7)))
	for _, m := range []struct{ kind, code uint8 }{{3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 5}, {3, 10}, {3, 13}, {11, 0}, {12, 0}, {4, 0}} {
		e.send(d, "hi")
		e.settle()
		e.says(fmt.Sprintf("ICMP %d/%d", m.kind, m.code), e.aboutUDP(m.kind, m.code, 0, 0))
		e.settle()
		e.recv(d, 10, 0)
		e.pendingError(d)
	}
	e.says("quoting six bytes", e.aboutUDP(3, 3, 0, 4))
	e.settle()
	e.recv(d, 10, 0)
}

func wireUDPErrorsOpen(e *encounter) {
	d := e.at5000()
	e.sendTo(d, toPeer, "hi", 0)
	e.says("ICMP 3/3", e.aboutUDP(3, 3, 0, 0))
	e.settle()
	e.recv(d, 10, 0)
	e.pendingError(d)
	e.option(d, SOL_IP, IP_RECVERR, 1)
	e.sendTo(d, toPeer, "hi", 0)
	e.says("ICMP 3/3", e.aboutUDP(3, 3, 0, 0))
	e.settle()
	e.recv(d, 10, 0)
}

func wireUDPChecksums(e *encounter) {
	d := e.at5000()
	e.datagram(7, 5000, "none", func(u []byte) { u[6], u[7] = 0, 0 })
	e.settle()
	e.recv(d, 20, 0)
	e.datagram(7, 5000, "bad", func(u []byte) { u[6] ^= 1 })
	e.settle()
	e.recv(d, 20, 0)
}

func wireUDPLength(e *encounter) {
	d := e.at5000()
	for _, n := range []int{0, 7, 8, 10, 14, 200} {
		e.datagram(7, 5000, "hello", func(u []byte) {
			be.PutUint16(u[4:], uint16(n))
			be.PutUint16(u[6:], 0)
		})
		e.settle()
		e.recv(d, 20, 0)
	}
	e.says("seven bytes", e.wrap(header.ProtocolUDP, e.udp(7, 5000, "")[:7]))
	e.settle()
	e.recv(d, 20, 0)
}

func wireUDPTruncated(e *encounter) {
	d := e.at5000()
	for _, flags := range []int{0, MSG_TRUNC, MSG_PEEK | MSG_TRUNC} {
		e.datagram(7, 5000, "hello")
		e.settle()
		e.recv(d, 3, flags)
	}
}

func wireUDPOptions(e *encounter) {
	d := e.at5000()
	e.option(d, SOL_IP, IP_TTL, 3)
	e.option(d, SOL_IP, IP_TOS, 0x13)
	e.sendTo(d, toPeer, "hi", 0)
	for _, v := range []int{IP_PMTUDISC_DONT, IP_PMTUDISC_WANT, IP_PMTUDISC_DO, IP_PMTUDISC_PROBE} {
		e.option(d, SOL_IP, IP_MTU_DISCOVER, v)
		e.sendTo(d, toPeer, "hi", 0)
	}
	e.option(d, SOL_IP, IP_MULTICAST_TTL, 7)
	e.sendTo(d, "224.1.2.3:7", "hi", 0)
}

func wireUDPBroadcast(e *encounter) {
	d := e.at5000()
	for _, to := range []string{"192.0.2.255", "255.255.255.255", "192.0.2.0", "224.0.0.1", "239.1.2.3"} {
		for _, port := range []uint16{5000, 5001} {
			dst := netip.MustParseAddr(to)
			u := e.udp(7, port, "all")
			u[6], u[7] = 0, 0
			e.says(fmt.Sprintf("UDP to %s:%d", to, port), e.wrap(header.ProtocolUDP, u, func(h *header.IPv4) { h.Dst = dst }))
			e.settle()
			e.recv(d, 10, 0)
		}
	}
}

func wireUDPSendBroadcast(e *encounter) {
	d := e.at5000()
	e.sendTo(d, "192.0.2.255:7", "all", 0)
	e.option(d, SOL_SOCKET, SO_BROADCAST, 1)
	e.sendTo(d, "192.0.2.255:7", "all", 0)
	e.note("interface", setGroup(d, SOL_IP, IP_MULTICAST_IF, GroupRequest{LocalAddr: e.near}))
	e.sendTo(d, "224.0.0.5:7", "some", 0)
	e.sendTo(d, "239.1.2.3:7", "some", 0)
}

func wireJoin(e *encounter) {
	e.groups = true
	d := e.at5000()
	e.note("join", setGroup(d, SOL_IP, IP_ADD_MEMBERSHIP, GroupRequest{Group: netip.MustParseAddr("239.1.2.3"), LocalAddr: e.near}))
	e.loop.Sleep(2500 * time.Millisecond) // the reports' times are random
	e.log = append(e.log, fmt.Sprint(len(e.take()), " reports"))
	u := e.udp(7, 5000, "some")
	u[6], u[7] = 0, 0
	e.says("UDP to the group", e.wrap(header.ProtocolUDP, u, func(h *header.IPv4) { h.Dst = netip.MustParseAddr("239.1.2.3") }))
	e.settle()
	e.recv(d, 10, 0)
}

func wireUDPLarge(e *encounter) {
	d := e.at5000()
	for _, n := range []int{1472, 1473, 3000} {
		e.sendTo(d, toPeer, long(n), 0)
	}
	e.option(d, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
	for _, n := range []int{1472, 1473} {
		e.sendTo(d, toPeer, long(n), 0)
	}
	e.option(d, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
	for _, n := range []int{1472, 1473} {
		e.sendTo(d, toPeer, long(n), 0)
	}
}

func wireUDPMore(e *encounter) {
	d := e.at5000()
	e.sendTo(d, toPeer, "one ", MSG_MORE)
	e.sendTo(d, toPeer, "datagram", 0)
	e.option(d, 17, 1, 1) // UDP_CORK
	e.sendTo(d, toPeer, "a", 0)
	e.sendTo(d, toPeer, "b", 0)
	e.option(d, 17, 1, 0)
	e.settle()
}

func wireUDPTooBig(e *encounter) {
	d := e.at5000()
	e.note("connect", d.Connect(netip.AddrPortFrom(e.far, 7)))
	e.send(d, long(1400))
	e.settle()
	e.says("fragmentation needed, 1000", e.aboutUDP(3, 4, 1000, 0))
	e.settle()
	e.send(d, long(1400))
	e.settle()
	e.send(d, long(1400))
	e.settle()
}

func wireUDPStranger(e *encounter) {
	d := e.at5000()
	e.note("connect", d.Connect(netip.AddrPortFrom(e.far, 7)))
	e.datagram(8, 5000, "from another port")
	e.settle()
	e.recv(d, 30, 0)
	e.datagram(7, 5000, "from the peer")
	e.settle()
	e.recv(d, 30, 0)
}

func wireUDPNoCheck(e *encounter) {
	d := e.at5000()
	e.option(d, SOL_SOCKET, SO_NO_CHECK, 1)
	e.sendTo(d, toPeer, "hi", 0)
}
