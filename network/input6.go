package network

import (
	"net/netip"

	"septet/header"
	"septet/packet"
)

// input6 takes a packet that starts at its IPv6 header from an interface. group says
// that its frame was sent to a group of stations.
func (l *Layer) input6(p *packet.Packet, in *Interface, group bool) {
	l.stats.Received += uint64(p.Frames())
	if !in.Loopback() && !in.speaksIPv6() {
		l.drop(p, &l.stats.InDisabled)
		return
	}
	if d := l.datagram; !group && in.expected6(p, d) {
		l.deliverTo(p, d)
		return
	}
	h, _, err := header.ParseIPv6(p.Head())
	if err != nil {
		l.drop(p, &l.stats.InBadHeader)
		return
	}
	total := header.IPv6Len + h.PayloadLength
	if total > p.Len() {
		l.drop(p, &l.stats.InTruncated)
		return
	}
	if p.Frames() == 1 {
		p.Truncate(total) // the padding of a short Ethernet frame
	}
	d := l.datagram
	*d = Datagram{
		Src: h.Src, Dst: h.Dst, TTL: h.HopLimit, TOS: h.TrafficClass, Protocol: h.NextHeader,
		Interface: in, Broadcast: group, HeaderLen: header.IPv6Len, next: nextHeaderAt,
	}
	if h.Src != in.vouched && !l.vouch6(d) {
		l.drop(p, &l.stats.InMartian)
		return
	}
	if l.forwardCached6(p, d) {
		return
	}
	if !in.destination6(h.Dst) {
		l.drop(p, &l.stats.InMartian)
		return
	}
	scoped := h.Src.IsLinkLocalUnicast() || h.Dst.IsLinkLocalUnicast()
	if scoped {
		l.scope(d)
	}
	switch {
	case in.six != nil && d.Dst == in.six.mine && !group && !d.Protocol.IsExtension():
		if !scoped && d.Src == in.vouched {
			in.six.flow, in.six.flowing = flowOf6(p.Head()), true
		}
		l.deliverTo(p, d)
	case p.Frames() > 1:
		p.Break(func(frame *packet.Packet) { l.classify6(frame, d) })
	default:
		l.classify6(p, d)
	}
}

// expected6 is expected for IPv6: without extension headers, and not of the link.
func (i *Interface) expected6(p *packet.Packet, d *Datagram) bool {
	six, b := i.six, p.Head()
	if six == nil || !six.flowing || len(b) < header.IPv6Len || b[0]>>4 != 6 || !six.flow.has(b) {
		return false
	}
	total, next := header.IPv6Len+int(be.Uint16(b[4:])), header.Protocol(b[6])
	if total > p.Len() || next.IsExtension() {
		return false
	}
	if p.Frames() == 1 {
		p.Truncate(total)
	}
	*d = Datagram{
		Src: i.vouched, Dst: six.mine, TTL: b[7], TOS: uint8(be.Uint16(b) >> 4), Protocol: next,
		Interface: i, HeaderLen: header.IPv6Len, next: nextHeaderAt,
	}
	return true
}

// flow6 are the source and the destination in an IPv6 header.
type flow6 [4]uint64

func flowOf6(b []byte) flow6 {
	return flow6{be.Uint64(b[8:]), be.Uint64(b[16:]), be.Uint64(b[24:]), be.Uint64(b[32:])}
}

// has reports whether b is a header with these addresses.
func (f *flow6) has(b []byte) bool {
	_ = b[header.IPv6Len-1]
	return be.Uint64(b[16:]) == f[1] && be.Uint64(b[32:]) == f[3] && be.Uint64(b[8:]) == f[0] && be.Uint64(b[24:]) == f[2]
}

// nextHeaderAt is where an IPv6 header says what follows it.
const nextHeaderAt = 6

// scope gives addresses of the link their zone. What this host sends to itself is of
// the link whose address it is.
func (l *Layer) scope(d *Datagram) {
	if !d.Interface.Loopback() {
		d.Src, d.Dst = d.Interface.Scoped(d.Src), d.Interface.Scoped(d.Dst)
		return
	}
	mine := d.Dst
	if !mine.IsLinkLocalUnicast() {
		mine = d.Src
	}
	for _, i := range l.interfaces[1:] {
		if l.addresses[i.Scoped(mine)] == own {
			d.Src, d.Dst = i.Scoped(d.Src), i.Scoped(d.Dst)
			return
		}
	}
}

// destination6 reports whether packets to dst may arrive here (RFC 4291, sections 2.5.2,
// 2.5.3 and 2.7: the unspecified address is no destination, the loopback address does not
// leave a node, and packets to groups of the node alone do not come by wire; RFC 4942,
// section 2.2: nor do those to IPv4-mapped addresses).
func (i *Interface) destination6(dst netip.Addr) bool {
	switch {
	case i.six != nil && dst == i.six.mine:
		return true
	case dst.IsUnspecified(), dst.Is4In6():
		return false
	}
	return i.Loopback() || !dst.IsLoopback() && !dst.IsInterfaceLocalMulticast() && !reservedScope(dst)
}

// vouch6 is vouch for IPv6. The destination, which is another with each packet, is for
// destination6.
func (l *Layer) vouch6(d *Datagram) bool {
	in := d.Interface
	switch {
	case d.Src.IsMulticast(), d.Src.Is4In6():
		return false
	case in.Loopback():
		return true
	case d.Src.IsLoopback():
		return false
	case d.Src.IsUnspecified():
		return true
	case l.addresses[in.Scoped(d.Src)] == own:
		// Who has an address of this host too says so in its own name (RFC 4862,
		// section 5.4.4).
		return d.Protocol == header.ProtocolICMPv6 && d.TTL == ndHopLimit && d.Dst == allNodes
	}
	if !d.Dst.IsMulticast() {
		in.vouch(d.Src)
	}
	return true
}

// reservedScope reports whether a is a group of scope 0, which nobody sends to (RFC
// 4291, section 2.7).
func reservedScope(a netip.Addr) bool { return a.IsMulticast() && a.As16()[1]&15 == 0 }

// classify6 decides what becomes of a packet.
func (l *Layer) classify6(p *packet.Packet, d *Datagram) {
	in, group := d.Interface, d.Broadcast
	d.Broadcast = group || d.Dst.IsMulticast()
	// RFC 8200, section 4.3: every node on the way may look at these options.
	if d.Protocol == header.ProtocolHopByHop && !l.skipExtension(p, d) {
		return
	}
	switch {
	case in.Loopback():
		l.classifyLoopback6(p, d)
	case d.Dst.IsMulticast():
		if !in.hears(d.Dst, d.Src.WithZone("")) && !(d.alert && in.heedsMessages(d.Dst)) {
			l.drop(p, &l.stats.InMulticast)
			return
		}
		l.deliver6(p, d)
	case group:
		l.drop(p, &l.stats.InWrongLink)
	case l.addresses[d.Dst] == own:
		in.six.mine, in.six.flowing = d.Dst, false
		l.deliver6(p, d)
	case !l.forwarding:
		l.drop(p, &l.stats.InNotForUs)
	default:
		l.forward6(p, d)
	}
}

// classifyLoopback6 decides about a packet that the host has sent to itself.
func (l *Layer) classifyLoopback6(p *packet.Packet, d *Datagram) {
	if !l.looped(p, d) && !l.IsLocal(d.Dst) {
		l.drop(p, &l.stats.InNotForUs)
		return
	}
	l.deliver6(p, d)
}

// deliver6 passes the extension headers and hands the packet to its protocol.
func (l *Layer) deliver6(p *packet.Packet, d *Datagram) {
	for n := 0; d.Protocol.IsExtension(); n++ {
		switch {
		case n >= maxExtensions:
			l.drop(p, &l.stats.InTooManyHeaders)
			return
		case d.Protocol == header.ProtocolIPv6Fragment:
			if p = l.inputFragment6(p, d); p == nil {
				return
			}
		case !l.skipExtension(p, d):
			return
		}
	}
	l.deliverTo(p, d)
}

// deliverTo hands a packet without extension headers, or whose extension headers were
// passed, to its protocol.
func (l *Layer) deliverTo(p *packet.Packet, d *Datagram) {
	proto := l.findProtocol(d.Protocol)
	if !proto.serves(d.Src) || len(proto.raws6) > 0 {
		l.deliverOther(p, d)
		return
	}
	l.stats.Delivered += uint64(p.Frames())
	p.Pull(d.HeaderLen)
	proto.handler.Input(p, d)
}

// deliverOther is deliverTo where a raw socket wants the packet too, or there is no handler.
func (l *Layer) deliverOther(p *packet.Packet, d *Datagram) {
	if d.Protocol == header.ProtocolICMPv6 {
		l.needSix()
	}
	proto := l.findProtocol(d.Protocol)
	if proto != nil && len(proto.raws6) > 0 {
		if p.Frames() > 1 {
			p.Break(func(frame *packet.Packet) { l.deliverTo(frame, d) })
			return
		}
		l.deliverRaw(p, d, proto.raws6)
	}
	switch {
	case d.Protocol == header.ProtocolNoNext:
		l.stats.Delivered++
		p.Release()
	case !proto.serves(d.Src) && proto != nil && len(proto.raws6) > 0:
		p.Release()
	case !proto.serves(d.Src):
		l.stats.InNoProtocol++
		// RFC 4443, section 3.4: the pointer is to the number that is not known.
		l.refuse6(p, d, header.ICMPv6{
			Type: header.ICMPv6ParameterProblem, Code: header.ICMPv6BadNextHeader, Rest: uint32(d.next),
		})
	default:
		l.stats.Delivered += uint64(p.Frames())
		p.Pull(d.HeaderLen)
		proto.handler.Input(p, d)
	}
}
