package network

import (
	"septet/header"
	"septet/packet"
)

// maxICMPError is the longest ICMP error, in bytes with the IP header: it
// quotes as much of the datagram as fits (RFC 1812, section 4.3.2.3).
const maxICMPError = 576

// internetworkControl is the precedence of ICMP errors (RFC 1812, section
// 4.3.2.5).
const internetworkControl = 0xc0

// typeOfService are the bits of a TOS field that an error takes from the packet that it is
// about (RFC 1812, section 4.3.2.5), without those that have become ECN (RFC 3168).
const typeOfService = 0x1c

// PortUnreachable takes a datagram for which the transport protocol has nobody,
// as Input was given it, and tells its sender (RFC 1122, section 4.1.3.1).
func (l *Layer) PortUnreachable(p *packet.Packet, d *Datagram) {
	p.Unpull(d.HeaderLen)
	if d.Src.Is6() {
		l.refuse6(p, d, header.ICMPv6{Type: header.ICMPv6Unreachable, Code: header.ICMPv6PortUnreachable})
		return
	}
	l.refuse(p, d, header.ICMP{Type: header.ICMPUnreachable, Code: header.ICMPPortUnreachable})
}

// refuse takes a packet that starts at its IP header and, if that is allowed,
// tells its sender why it is not delivered.
func (l *Layer) refuse(p *packet.Packet, d *Datagram, m header.ICMP) {
	if p.Frames() > 1 {
		p.Break(func(frame *packet.Packet) { l.refuse(frame, d, m) })
		return
	}
	if !l.mayComplain(p, d) {
		l.drop(p, &l.stats.ICMPErrorsForbidden)
		return
	}
	// RFC 1122, section 3.2.2: the source is the address to which the datagram
	// was sent, if it is ours; a router's is that of the interface that leads
	// back (RFC 1812, section 4.3.2.4).
	src := d.Dst
	if !l.IsLocal(src) {
		src = anyAddr
	}
	// RFC 1812, section 4.3.2.6: by the source route so far, the other way, unless the
	// complaint is about the route itself.
	route := d.Route
	if m.Type == header.ICMPParameterProblem {
		route = nil
	}
	path, err := l.PathVia(d.Src, src, route)
	if err != nil {
		l.drop(p, &l.stats.OutNoRoute)
		return
	}
	if !path.Loopback() && !l.mayTell(d.Src, m.Type == header.ICMPUnreachable && m.Code == header.ICMPFragmentationNeeded) {
		l.drop(p, &l.stats.ICMPErrorsLimited)
		return
	}
	quote := p.Bytes()
	quote = quote[:min(len(quote), maxICMPError-header.IPv4Len-route.Len()-header.ICMPLen)]
	e := l.pool.Get(header.ICMPLen + len(quote))
	m.Put(e.Extend(header.ICMPLen))
	e.Append(quote)
	header.SetICMPChecksum(e.Head())
	p.Release()
	l.stats.ICMPErrorsSent++
	l.send(e, &path, Send{Protocol: header.ProtocolICMP, TOS: internetworkControl | d.TOS&typeOfService, SourceRoute: route})
}

// mayComplain reports whether an ICMP error may be sent about a packet. RFC 1122,
// section 3.2.2: never about an ICMP error, a broadcast or multicast of IP or
// of the link, a fragment other than the first, or a packet whose source is not
// a single host.
func (l *Layer) mayComplain(p *packet.Packet, d *Datagram) bool {
	switch {
	case d.Broadcast, d.offset > 0, d.Dst.IsMulticast(), l.IsBroadcast(d.Dst):
		return false
	case isThisNetwork(d.Src), d.Src.IsMulticast(), isClassE(d.Src), l.IsBroadcast(d.Src):
		return false
	case d.Protocol != header.ProtocolICMP:
		return true
	}
	b := p.Bytes()
	if len(b) <= d.HeaderLen {
		return false
	}
	// A type nobody has defined could be an error of a later standard.
	switch b[d.HeaderLen] {
	case header.ICMPEchoRequest, header.ICMPEchoReply:
		return true
	}
	return false
}
