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
	path := l.forwardPath6(d)
	if path == nil {
		l.stats.NoRoute++
		l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6Unreachable, Code: header.ICMPv6NoRoute})
		return
	}
	mtu := path.via.mtu6()
	switch {
	case d.TTL <= 1:
		l.stats.TTLExceeded++
		l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6TimeExceeded, Code: header.ICMPv6HopLimitExceeded})
	case p.Len() > mtu:
		l.stats.TooBig++
		l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6PacketTooBig, Rest: uint32(mtu)})
	default:
		if path.via == d.Interface {
			l.sendRedirect6(p, d, path)
		}
		p.Head()[7]--
		l.stats.Forwarded++
		l.transmitFrame(p, path)
	}
}

// forwardPath6 returns the way to a packet's destination, nil if there is none.
func (l *Layer) forwardPath6(d *Datagram) *Path {
	if l.forwards != nil {
		if path := l.forwards.place(d.Dst); path.dst == d.Dst && l.Fresh(path) {
			return path
		}
	}
	r := l.route(d.Dst)
	if r == nil || r.Interface.Loopback() || !r.Interface.speaksIPv6() {
		return nil
	}
	return l.newForward(d, r)
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
