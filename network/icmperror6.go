package network

import (
	"septet/header"
	"septet/packet"
)

// refuse6 takes a packet that starts at its IPv6 header and, if that is allowed, tells
// its sender why it is not delivered (RFC 4443, section 2.4).
func (l *Layer) refuse6(p *packet.Packet, d *Datagram, m header.ICMPv6) {
	if p.Frames() > 1 {
		p.Break(func(frame *packet.Packet) { l.refuse6(frame, d, m) })
		return
	}
	if !mayComplain6(p, d, &m) {
		l.drop(p, &l.stats.ICMPErrorsForbidden)
		return
	}
	// RFC 4443, section 2.2: from the address to which the packet was sent, if that is
	// one of ours and no group's.
	src := d.Dst
	if !l.IsLocal(src) {
		src = anyAddr6
	}
	path, err := l.Path(d.Src, src)
	if err != nil {
		l.drop(p, &l.stats.OutNoRoute)
		return
	}
	if !path.Loopback() && !l.mayTell(d.Src, m.Type == header.ICMPv6PacketTooBig) {
		l.drop(p, &l.stats.ICMPErrorsLimited)
		return
	}
	// RFC 4443, section 2.4 c: as much of the packet as fits the smallest MTU.
	quote := p.Bytes()
	quote = quote[:min(len(quote), header.IPv6MinMTU-header.IPv6Len-header.ICMPv6Len)]
	e := l.pool.Get(header.ICMPv6Len + len(quote))
	m.Put(e.Extend(header.ICMPv6Len))
	e.Append(quote)
	p.Release()
	l.stats.ICMPErrorsSent++
	_ = l.outputICMPv6(e, &path, Send{}) // a refusal is counted
}

// mayComplain6 reports whether the error m may be sent about a packet. RFC 4443,
// section 2.4 e: never about an ICMPv6 error or a redirect, nor about what comes from
// no single node; about what was sent to many only where the sender must know.
func mayComplain6(p *packet.Packet, d *Datagram, m *header.ICMPv6) bool {
	needed := m.Type == header.ICMPv6PacketTooBig ||
		m.Type == header.ICMPv6ParameterProblem && m.Code == header.ICMPv6BadOption
	switch {
	case d.Src.IsUnspecified(), d.Src.IsMulticast():
		return false
	case (d.Broadcast || d.Dst.IsMulticast()) && !needed:
		return false
	case d.offset > 0:
		return false
	}
	b := p.Bytes()
	protocol, message := upperLayer(header.Protocol(b[nextHeaderAt]), b[header.IPv6Len:])
	if protocol != header.ProtocolICMPv6 {
		return true
	}
	return len(message) > 0 && message[0] >= 128 && message[0] != header.ICMPv6Redirect
}
