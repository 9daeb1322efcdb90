// Package udp is the User Datagram Protocol (RFC 768; RFC 1122, section 4.1):
// ports and checksums on top of IP, and nothing else. Datagrams arrive whole or
// not at all, in any order.
//
// A received datagram waits in its endpoint's queue as the packet that it came
// in, IP header and all, so that nothing is allocated for it.
package udp

import (
	"net/netip"
	"syscall"

	"septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
)

// MaxPayload and MaxPayload6 are the longest payloads: an IPv4 datagram of 65535 bytes
// without its headers, and an IPv6 packet whose payload has as many.
const (
	MaxPayload  = 65535 - header.IPv4Len - header.UDPLen
	MaxPayload6 = 65535 - header.UDPLen
)

// The range of ports from which a socket gets one that did not ask for any, as
// on Linux (net.ipv4.ip_local_port_range).
const (
	firstEphemeral = 32768
	lastEphemeral  = 60999
)

// anyOf returns the address that stands for all of a's family.
func anyOf(a netip.Addr) netip.Addr {
	if a.Is6() {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// Layer is UDP on one host. All its methods need the loop's turn.
type Layer struct {
	network *network.Layer
	// endpoints finds the endpoints bound to an address and port, the one bound
	// last first.
	endpoints map[key]*Endpoint
	recent    found
	ports     map[uint16]portUse
	atDevices int    // how many of them are bound to a device
	secret    uint64 // of pickSharer, made when it is needed
	stats     Stats
}

// Stats counts what a UDP layer did. What is dropped is counted once.
type Stats struct {
	Received  uint64 // datagrams from IP
	Delivered uint64 // to endpoints; a broadcast may be delivered to several
	Sent      uint64

	BadLength   uint64
	BadChecksum uint64
	NoPort      uint64 // nobody is bound to the port
	QueueFull   uint64 // for an endpoint that has not been reading
	Errors      uint64 // ICMP errors about datagrams of this host
}

// key is a local address and port. Without padding its bytes hash at once, as those of
// a netip.AddrPort do not.
type key struct {
	addr netip.Addr
	port uint64
}

func keyOf(a netip.Addr, port uint16) key { return key{a, uint64(port)} }

// New returns the UDP of the host whose IP layer is n, and registers it there.
func New(n *network.Layer) *Layer {
	l := &Layer{network: n}
	n.Handle(header.ProtocolUDP, l)
	return l
}

// Loop returns the loop whose turn the layer needs.
func (l *Layer) Loop() *event.Loop { return l.network.Loop() }

// Stats returns the counters as they are now.
func (l *Layer) Stats() Stats { return l.stats }

// Input takes a datagram for this host from IP.
func (l *Layer) Input(p *packet.Packet, d *network.Datagram) {
	l.stats.Received++
	h, _, err := header.ParseUDP(p.Head())
	if err != nil || h.Length > p.Len() {
		l.drop(p, &l.stats.BadLength)
		return
	}
	// The IP payload may be longer than the datagram in it; what follows is not
	// part of it.
	p.Truncate(h.Length)
	if !intact(p, d, &h) {
		l.drop(p, &l.stats.BadChecksum)
		return
	}
	from := netip.AddrPortFrom(d.Src, h.SrcPort)
	if d.Broadcast {
		l.inputBroadcast(p, d, from, h.DstPort)
		return
	}
	e := l.find(d, h.DstPort, from)
	if e == nil {
		l.stats.NoPort++
		l.network.PortUnreachable(p, d)
		return
	}
	unpull(p, d)
	e.enqueue(p)
}

// unpull brings the IP header back, without the extensions of IPv6, and notes where the
// datagram came in: of which link its addresses are.
func unpull(p *packet.Packet, d *network.Datagram) {
	p.Unpull(d.HeaderLen)
	p.In = uint16(d.Interface.Index())
	if d.Src.Is6() {
		p.In = uint16(d.Link().Index())
		if d.HeaderLen > header.IPv6Len {
			h := p.Pull(d.HeaderLen)
			last := h[d.HeaderLen-header.IPv6Len:]
			copy(last, h)
			p.Unpull(header.IPv6Len)
		}
	}
}

// intact verifies the checksum. RFC 768: zero means that the sender has made
// none.
func intact(p *packet.Packet, d *network.Datagram, h *header.UDP) bool {
	if p.Verified() {
		return true
	}
	if h.Checksum == 0 {
		return d.Src.Is4() // RFC 8200, section 8.1: not so with IPv6
	}
	sum := header.PseudoSum(d.Src, d.Dst, header.ProtocolUDP, h.Length)
	return header.Checksum(p.Bytes(), sum) == 0xffff
}

// inputBroadcast gives a copy to every endpoint that hears broadcasts, or the group:
// bound to any address, or to that of all itself. RFC 1122, section 3.2.2:
// nobody is told when there is none.
func (l *Layer) inputBroadcast(p *packet.Packet, d *network.Datagram, from netip.AddrPort, port uint16) {
	unpull(p, d)
	found := false
	for _, a := range [...]netip.Addr{d.Dst, anyOf(d.Dst), {}} {
		for e := l.endpoints[keyOf(a, port)]; e != nil; e = e.next {
			if (!e.remote.IsValid() || e.remote == from) && e.hears(d) && (e.device == nil || e.device == d.Device()) {
				found = true
				e.enqueue(p.Clone())
			}
		}
	}
	if !found {
		l.stats.NoPort++
	}
	p.Release()
}

// Error takes an ICMP error about a datagram of this host. RFC 1122, section
// 4.1.3.3 has it passed up; as on Linux, only to a connected endpoint, which
// cannot mistake which peer it is about, and only if it is a hard one, unless the
// endpoint has asked for reports (SetReports).
func (l *Layer) Error(e *network.Error) {
	l.stats.Errors++
	h := header.UDP{
		SrcPort: uint16(e.Quoted[0])<<8 | uint16(e.Quoted[1]),
		DstPort: uint16(e.Quoted[2])<<8 | uint16(e.Quoted[3]),
	}
	remote := netip.AddrPortFrom(e.Dst, h.DstPort)
	ep := l.sender(e.Src, h.SrcPort, remote)
	if ep == nil {
		return
	}
	l.network.LearnPathMTU(e)
	hard := e.Hard || e.Errno == syscall.EMSGSIZE
	switch {
	case e.Errno == syscall.EMSGSIZE && !ep.marks(e.Dst).discover.Heeds():
		// Routers were free to cut it: the next datagram will be short enough.
	case ep.reports.of(e.Src):
		ep.owner.Report(e)
		ep.Fail(e.Errno)
	case ep.remote == remote && hard:
		ep.Fail(e.Errno)
	}
}

// sender returns the endpoint that can have sent from src and port to remote, nil if
// there is none.
func (l *Layer) sender(src netip.Addr, port uint16, remote netip.AddrPort) *Endpoint {
	for _, a := range [...]netip.Addr{src, anyOf(src), {}} {
		if e := l.endpoints[keyOf(a, port)].best(remote, nil); e != nil {
			return e
		}
	}
	return nil
}

func (l *Layer) drop(p *packet.Packet, reason *uint64) {
	*reason++
	p.Release()
}
