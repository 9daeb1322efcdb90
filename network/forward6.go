package network

import (
	"septet/header"
	"septet/packet"
)

// forward6 passes a packet on to its destination or to the next router (RFC 8200,
// section 3; RFC 4443, sections 3.1 to 3.3, for what senders are told).
func (l *Layer) forward6(p *packet.Packet, d *Datagram) {
	switch {
	case d.Src.IsUnspecified():
		l.drop(p, &l.stats.NotForwarded)
		return
	case d.Dst.IsLinkLocalUnicast(), d.Src.IsLinkLocalUnicast():
		// RFC 4007, section 9: a packet does not leave the zone of its source.
		l.stats.NotForwarded++
		l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6Unreachable, Code: header.ICMPv6BeyondScope})
		return
	}
	r := l.route(d.Dst)
	if r == nil || r.Interface.Loopback() || !r.Interface.speaksIPv6() {
		l.stats.NoRoute++
		l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6Unreachable, Code: header.ICMPv6NoRoute})
		return
	}
	l.forwardAlong6(p, d, l.newForward(d, r))
}

// forwardCached6 forwards a packet whose way is known, from a source that has been
// vouched for: the unspecified address, which is not forwarded, never is. The cache holds
// only what classify6 and forward6 have let through for the same destination; what
// depends on the packet itself is looked at again.
func (l *Layer) forwardCached6(p *packet.Packet, d *Datagram) bool {
	if l.forwards == nil || d.Broadcast || d.Src != d.Interface.vouched || d.Protocol == header.ProtocolHopByHop {
		return false
	}
	path := l.forwards.place(d.Dst)
	if path.dst != d.Dst || !l.Fresh(path) || d.Interface.Loopback() || d.Src.IsLinkLocalUnicast() {
		return false
	}
	l.forwardAlong6(p, d, path)
	return true
}

func (l *Layer) forwardAlong6(p *packet.Packet, d *Datagram, path *Path) {
	mtu := path.via.mtu6()
	if p.Frames() > 1 && (d.TTL <= 1 || p.FrameLen() > mtu) {
		p.Break(func(frame *packet.Packet) { l.forwardAlong6(frame, d, path) })
		return
	}
	switch {
	case d.TTL <= 1:
		l.stats.TTLExceeded++
		l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6TimeExceeded, Code: header.ICMPv6HopLimitExceeded})
	case p.FrameLen() > mtu:
		l.stats.TooBig++
		l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6PacketTooBig, Rest: uint32(mtu)})
	default:
		if path.via == d.Interface {
			l.sendRedirect6(p, d, path)
		}
		p.Head()[7]--
		l.stats.Forwarded += uint64(p.Frames())
		l.transmitFrame(p, path)
	}
}

// unresolved6 takes back a packet whose next hop did not answer, and tells its sender
// (RFC 4861, section 7.2.2).
func (l *Layer) unresolved6(p *packet.Packet, via *Interface) {
	h, _, err := header.ParseIPv6(p.Head())
	if err != nil {
		l.drop(p, &l.stats.InBadHeader)
		return
	}
	l.stats.HostUnreachable++
	d := Datagram{
		Src: h.Src, Dst: h.Dst, TTL: h.HopLimit, TOS: h.TrafficClass, Protocol: h.NextHeader,
		Interface: via, HeaderLen: header.IPv6Len, next: nextHeaderAt,
	}
	l.scope(&d)
	l.refuse6(p, &d, header.ICMPv6{Type: header.ICMPv6Unreachable, Code: header.ICMPv6AddressUnreached})
}
