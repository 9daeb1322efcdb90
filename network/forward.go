package network

import (
	"net/netip"

	"septet/header"
	"septet/link"
	"septet/packet"
)

// forwardCached forwards a packet whose way is known. The cache holds only what
// classify and forward have let through for the same destination; what depends
// on the packet itself is looked at again.
func (l *Layer) forwardCached(p *packet.Packet, d *Datagram, h *header.IPv4) bool {
	if l.forwards == nil || d.Broadcast {
		return false
	}
	path := l.forwards.place(d.Dst)
	if path.dst != d.Dst || !l.Fresh(path) || d.Interface.Loopback() || d.Src.IsLinkLocalUnicast() {
		return false
	}
	l.forwardAlong(p, d, h, path)
	return true
}

// forward passes a packet on to its destination or to the next router (RFC
// 1812, section 5.2.1.2).
func (l *Layer) forward(p *packet.Packet, d *Datagram, h *header.IPv4) {
	if !forwardable(d.Src) || !forwardable(d.Dst) {
		l.drop(p, &l.stats.NotForwarded)
		return
	}
	r := l.route(d.Dst)
	if r == nil || r.Interface.Loopback() {
		l.stats.NoRoute++
		l.refuse(p, d, header.ICMP{Type: header.ICMPUnreachable, Code: header.ICMPNetUnreachable})
		return
	}
	if onLink := !r.Gateway.IsValid(); onLink && isNetworkAddr(d.Dst, r.Prefix) {
		l.drop(p, &l.stats.NotForwarded)
		return
	}
	if !r.Interface.addr.IsValid() {
		l.drop(p, &l.stats.NoRoute)
		return
	}
	l.forwardAlong(p, d, h, l.newForward(d, r))
}

// forwardable reports whether a router passes on packets from and to a. Those
// of 169.254/16 it does not (RFC 3927, section 2.7), nor those of 240/4 and 0/8
// (RFC 1812, section 5.3.7). Broadcasts to a network of another router look
// like any address. a is of IPv4.
func forwardable(a netip.Addr) bool {
	b := a.As4()
	return b[0] != 0 && b[0] < 240 && (b[0] != 169 || b[1] != 254)
}

// isNetworkAddr reports whether a is the address of the network itself, an old
// form of its broadcast address (RFC 1812, section 4.2.3.1).
func isNetworkAddr(a netip.Addr, prefix netip.Prefix) bool {
	return prefix.Bits() < 31 && a == prefix.Addr()
}

func (l *Layer) forwardAlong(p *packet.Packet, d *Datagram, h *header.IPv4, path *Path) {
	if p.Frames() > 1 && (d.TTL <= 1 || p.FrameLen() > path.via.MTU()) {
		p.Break(func(frame *packet.Packet) { l.forwardAlong(frame, d, h, path) })
		return
	}
	// RFC 1812, section 5.3.1: a packet whose time to live would become zero is
	// not forwarded.
	if d.TTL <= 1 {
		l.stats.TTLExceeded++
		l.refuse(p, d, header.ICMP{Type: header.ICMPTimeExceeded, Code: header.ICMPTTLExceeded})
		return
	}
	mtu := path.via.MTU()
	fits := p.FrameLen() <= mtu
	if !fits && h.DontFragment {
		l.stats.TooBig++
		// RFC 1191, section 4: with the MTU of the next hop.
		l.refuse(p, d, header.ICMP{Type: header.ICMPUnreachable, Code: header.ICMPFragmentationNeeded, Rest: uint32(mtu)})
		return
	}
	if path.via == d.Interface {
		l.sendRedirect(p, d, path)
	}
	decrementTTL(p.Head())
	if d.recording {
		l.record(p, path.via.addr) // RFC 791: "as known in the environment" it goes into
	}
	l.stats.Forwarded += uint64(p.Frames())
	l.transmit(p, path, fits, mtu)
}

// unresolved takes back a packet whose next hop did not answer, and tells its
// sender, which may be this host itself (RFC 1812, section 4.3.3.1; RFC 1122,
// section 2.3.2.2).
func (i *Interface) unresolved(p *packet.Packet, typ header.EtherType) {
	l := i.layer
	if typ == header.EtherTypeIPv6 {
		l.unresolved6(p, i)
		return
	}
	h, _, err := header.ParseIPv4(p.Head())
	if err != nil {
		l.drop(p, &l.stats.InBadHeader)
		return
	}
	l.stats.HostUnreachable++
	l.doubtGateway(h.Dst)
	d := Datagram{
		Src: h.Src, Dst: h.Dst, TTL: h.TTL, TOS: h.TOS, Protocol: h.Protocol,
		Interface: i, HeaderLen: h.Len(), offset: h.FragmentOffset, more: h.MoreFragments,
	}
	l.refuse(p, &d, header.ICMP{Type: header.ICMPUnreachable, Code: header.ICMPHostUnreachable})
}

// doubtGateway looks for another way to an IPv4 destination if the gateway to it has not
// answered (RFC 1122, section 3.3.1.4). IPv6's is looked for as soon as the link tells.
func (l *Layer) doubtGateway(dst netip.Addr) {
	r := l.routeTo(dst)
	if r == nil || !r.Gateway.IsValid() || r.Interface.nic.Neighbour(r.Gateway).State() != link.Failed {
		return
	}
	i, gateway := r.Interface, r.Gateway
	l.unredirect(gateway)
	l.passOver(i, gateway)
}
