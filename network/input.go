package network

import (
	"net/netip"

	"septet/header"
	"septet/packet"
)

// input takes a packet that starts at its IP header from an interface. group
// says that its frame was sent to a group of stations.
func (l *Layer) input(p *packet.Packet, in *Interface, group bool) {
	l.stats.Received += uint64(p.Frames())
	if d := l.datagram; !group && in.expected(p, d) {
		l.deliver(p, d)
		return
	}
	// RFC 1122, sections 3.2.1.1 and 3.2.1.2: version and checksum are
	// verified, and what is wrong is silently discarded.
	var h header.IPv4
	n, err := h.Parse(p.Head())
	if err != nil {
		l.drop(p, &l.stats.InBadHeader)
		return
	}
	if h.TotalLength > p.Len() {
		l.drop(p, &l.stats.InTruncated)
		return
	}
	if p.Frames() == 1 {
		p.Truncate(h.TotalLength) // the padding of a short Ethernet frame
	}
	if h.Src != in.vouched && !l.vouch(h.Src, h.Dst, in) {
		l.drop(p, &l.stats.InMartian)
		return
	}
	d := l.datagram
	*d = Datagram{
		Src: h.Src, Dst: h.Dst, TTL: h.TTL, TOS: h.TOS, Protocol: h.Protocol,
		Interface: in, Broadcast: group, HeaderLen: n,
		offset: h.FragmentOffset, more: h.MoreFragments, id: uint32(h.ID),
	}
	if h.Options != nil && !l.acceptOptions(p, d, &h) {
		return
	}
	switch {
	case h.Dst == in.addr && !group:
		if h.Src == in.vouched {
			in.flow = flowOf(p.Head())
		}
		l.deliver(p, d)
	case l.forwardCached(p, d, &h):
	case p.Frames() > 1:
		p.Break(func(frame *packet.Packet) { l.classify(frame, d, &h) })
	default:
		l.classify(p, d, &h)
	}
}

// expected is what input finds out for a packet like the one before it: from the same
// host to this interface's own address, without options and no fragment. Its addresses
// are looked at as they stand there, in one comparison.
func (i *Interface) expected(p *packet.Packet, d *Datagram) bool {
	b := p.Head()
	total, plain := header.PlainIPv4(b)
	if !plain || flowOf(b) != i.flow || i.flow == 0 || total > p.Len() {
		return false
	}
	if p.Frames() == 1 {
		p.Truncate(total) // the padding of a short Ethernet frame
	}
	*d = Datagram{
		Src: i.vouched, Dst: i.addr, TTL: b[8], TOS: b[1], Protocol: header.Protocol(b[9]),
		Interface: i, HeaderLen: header.IPv4Len, id: uint32(be.Uint16(b[4:])),
	}
	return true
}

// flowOf returns the source and the destination in an IPv4 header.
func flowOf(b []byte) uint64 { return be.Uint64(b[12:]) }

// vouch reports whether a packet from src to dst may come in there, and keeps
// the answer if it holds for every destination. A source is one other host
// (RFC 1122, section 3.2.1.3): not a group, not a loopback address from outside,
// and not, by wire, this host itself.
func (l *Layer) vouch(src, dst netip.Addr, in *Interface) bool {
	switch {
	case in.Loopback():
		return true
	case src == anyAddr:
		// "This host on this network" asks by broadcast for its address; or it reports
		// its groups (RFC 3376, section 4.2.13).
		return dst == limitedBroadcast || dst.IsLinkLocalMulticast()
	case isThisNetwork(src), src.IsLoopback(), src.IsMulticast(), isClassE(src):
		return false
	case l.addresses[src] != foreign:
		return false
	}
	in.vouched, in.flow = src, 0
	return true
}

// acceptOptions refuses source routes, unless they are to be followed, and options
// without a sensible length, and has this host enter itself where it is asked to. All
// others are let through untouched.
func (l *Layer) acceptOptions(p *packet.Packet, d *Datagram, h *header.IPv4) bool {
	if !l.obeyOptions(p, d, h) {
		return false
	}
	if d.recording && l.addresses[d.Dst] == own {
		l.record(p, d.Dst)
	}
	return true
}

func (l *Layer) obeyOptions(p *packet.Packet, d *Datagram, h *header.IPv4) bool {
	sourceRoute, bad, recording := checkOptions(h.Options)
	d.recording = recording
	switch {
	case sourceRoute > 0 && !l.sourceRouting:
		l.drop(p, &l.stats.InSourceRouted)
	case bad > 0:
		l.refuseOption(p, d, bad)
	case sourceRoute > 0:
		return l.followRoute(p, d, h, sourceRoute)
	default:
		return true
	}
	return false
}

// refuseOption refuses a packet for the IP option that begins at this offset.
func (l *Layer) refuseOption(p *packet.Packet, d *Datagram, at int) {
	l.stats.InBadOptions++
	// The pointer is in the first of the four bytes.
	l.refuse(p, d, header.ICMP{Type: header.ICMPParameterProblem, Rest: uint32(at) << 24})
}

// classify decides what becomes of a packet that is not simply for the address
// of the interface on which it came.
func (l *Layer) classify(p *packet.Packet, d *Datagram, h *header.IPv4) {
	group, kind := d.Broadcast, l.addresses[d.Dst]
	switch {
	case d.Interface.Loopback():
		l.classifyLoopback(p, d)
	case d.Dst.IsLoopback(), isThisNetwork(d.Dst):
		l.drop(p, &l.stats.InMartian)
	case d.Dst == limitedBroadcast, d.Dst == d.Interface.Broadcast():
		d.Broadcast = true
		l.deliver(p, d)
	case d.Dst.IsMulticast():
		l.classifyGroup(p, d)
	case group:
		// RFC 1122, section 3.3.6: discard what came by a link broadcast
		// without an IP group as its destination; RFC 1812, section 5.3.4:
		// never forward it.
		l.drop(p, &l.stats.InWrongLink)
	case kind == own:
		// An address belongs to the host, not to the interface (the weak model
		// of RFC 1122, section 3.3.4.2).
		l.deliver(p, d)
	case !l.forwarding:
		l.drop(p, &l.stats.InNotForUs)
	case kind == broadcastOf:
		// A broadcast to a network of our own, from outside, stays out (RFC 2644).
		l.drop(p, &l.stats.NotForwarded)
	default:
		l.forward(p, d, h)
	}
}

// classifyLoopback decides about a packet that the host has sent to itself. A raw
// socket's may claim to be for somebody else.
func (l *Layer) classifyLoopback(p *packet.Packet, d *Datagram) {
	if l.looped(p, d) {
		l.deliver(p, d)
		return
	}
	d.Broadcast = l.IsBroadcast(d.Dst)
	if !d.Broadcast && !l.IsLocal(d.Dst) {
		l.drop(p, &l.stats.InNotForUs)
		return
	}
	l.deliver(p, d)
}

// deliver takes off the IP header and hands the packet to its protocol.
func (l *Layer) deliver(p *packet.Packet, d *Datagram) {
	if d.more || d.offset > 0 {
		if p = l.needReassembly().add(p, d); p == nil {
			return
		}
	}
	proto := l.findProtocol(d.Protocol)
	if proto == nil {
		l.refuseProtocol(p, d)
		return
	}
	if len(proto.raws) > 0 {
		if p.Frames() > 1 {
			p.Break(func(frame *packet.Packet) { l.deliver(frame, d) })
			return
		}
		l.deliverRaw(p, d, proto.raws)
	}
	switch {
	case proto.serves(d.Src):
		l.stats.Delivered += uint64(p.Frames())
		p.Pull(d.HeaderLen)
		proto.handler.Input(p, d)
	case len(proto.raws) > 0:
		p.Release()
	default:
		l.refuseProtocol(p, d)
	}
}

// refuseProtocol answers a packet for whose protocol nothing is open (RFC 1122,
// section 3.2.2.1).
func (l *Layer) refuseProtocol(p *packet.Packet, d *Datagram) {
	l.stats.InNoProtocol++
	l.refuse(p, d, header.ICMP{Type: header.ICMPUnreachable, Code: header.ICMPProtocolUnreachable})
}
