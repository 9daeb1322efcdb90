package differential

import (
	"fmt"
	"net/netip"

	"septet/header"
)

// The peer over IPv6: neighbour discovery in the place of ARP, and ICMPv6 in that of ICMP.
// Scripts are the same for both. What they change of a header is what both headers have,
// and what they quote in an error is translated as RFC 7915, section 4.2, has it.

// receive6 takes a packet from the host, and reports whether it is to be written down.
func (p *peer) receive6(b []byte, from header.MAC) bool {
	h, payload, err := header.ParseIPv6(b)
	if err != nil || h.NextHeader != header.ProtocolICMPv6 || len(payload) == 0 {
		return err == nil && h.NextHeader != 0 // hop-by-hop options are those of group reports
	}
	switch payload[0] {
	case header.ICMPv6NeighbourSolicit:
		if s, _, err := header.ParseNeighbourSolicitation(payload); err == nil && s.Target == p.own && !p.deaf {
			p.advertise(h.Src, from)
		}
		return false
	case header.ICMPv6NeighbourAdvert:
		if a, _, err := header.ParseNeighbourAdvertisement(payload); err == nil && a.Target == p.host {
			p.hostMAC = from
		}
		return false
	case header.ICMPv6RouterSolicit, header.ICMPv6ListenerReport, header.ICMPv6ListenerReport2:
		return false
	}
	return true
}

// advertise tells who asks where the peer is.
func (p *peer) advertise(to netip.Addr, at header.MAC) {
	b := make([]byte, header.NeighbourAdvertisementLen+8)
	a := header.NeighbourAdvertisement{Target: p.own, Solicited: true, Override: true}
	o := header.NDOptions{HasTarget: true, Target: p.ownMAC}
	o.Put(b[a.Put(b):])
	p.sendND(b, to, at)
}

// solicit asks the host where it is, by its solicited-node group (RFC 4861, section 4.3).
func (p *peer) solicit() {
	b := make([]byte, header.NeighbourSolicitationLen+8)
	s := header.NeighbourSolicitation{Target: p.host}
	o := header.NDOptions{HasSource: true, Source: p.ownMAC}
	o.Put(b[s.Put(b):])
	last := p.host.As16()
	group := addr("ff02::1:ff00:0").As16()
	copy(group[13:], last[13:])
	p.sendND(b, netip.AddrFrom16(group), header.MAC{0x33, 0x33, 0xff, last[13], last[14], last[15]})
}

// sendND sends a message of neighbour discovery, whose hop limit is 255.
func (p *peer) sendND(message []byte, to netip.Addr, at header.MAC) {
	header.SetICMPv6Checksum(message, p.own, to)
	h := header.IPv6{NextHeader: header.ProtocolICMPv6, HopLimit: 255, Src: p.own, Dst: to, PayloadLength: len(message)}
	b := make([]byte, header.EthernetLen+header.IPv6Len, header.EthernetLen+header.IPv6Len+len(message))
	eth := header.Ethernet{Dst: at, Src: p.ownMAC, Type: header.EtherTypeIPv6}
	h.Put(b[eth.Put(b):])
	p.port.Transmit(p.pool.From(append(b, message...)))
}

// wrap6 is wrap for IPv6, of the header that IPv4 would have had.
func wrap6(h *header.IPv4, payload []byte) []byte {
	six := header.IPv6{
		NextHeader: h.Protocol, HopLimit: h.TTL, TrafficClass: h.TOS,
		Src: h.Src, Dst: h.Dst, PayloadLength: len(payload),
	}
	b := make([]byte, header.IPv6Len, header.IPv6Len+len(payload))
	six.Put(b)
	return append(b, payload...)
}

// describe6 writes a packet of the host's as a line.
func (p *peer) describe6(b []byte) string {
	six, payload, err := header.ParseIPv6(b)
	if err != nil {
		return "IPv6 " + err.Error()
	}
	h := header.IPv4{
		Src: six.Src, Dst: six.Dst, TTL: six.HopLimit, TOS: six.TrafficClass, Protocol: six.NextHeader,
		DontFragment: true, // as all of IPv6
	}
	var text string
	switch h.Protocol {
	case header.ProtocolTCP:
		text = p.segment(&h, payload)
	case header.ProtocolUDP:
		text = p.datagram(&h, payload)
	case header.ProtocolICMPv6:
		m, data, err := header.ParseICMPv6(payload, h.Src, h.Dst)
		if text = fmt.Sprintf("ICMPv6 %d/%d %#x, %d bytes after it", m.Type, m.Code, m.Rest, len(data)); err != nil {
			text = "ICMPv6 " + err.Error()
		}
	case header.ProtocolIPv6Fragment:
		f, data, _ := header.ParseIPv6Fragment(payload)
		text = fmt.Sprintf("fragment of protocol %d at %d, %d bytes, more %v", f.NextHeader, f.Offset, len(data), f.More)
	default:
		text = fmt.Sprintf("protocol %d, %d bytes", h.Protocol, len(payload))
	}
	return text + p.aboutIP(&h)
}

// quoting6 makes an ICMPv6 error of what ICMP would have said.
func (e *encounter) quoting6(kind, code uint8, rest uint32, packet []byte) []byte {
	m := header.ICMPv6{Type: 100, Rest: rest} // for private experimentation: nothing says this
	switch kind {
	case header.ICMPUnreachable:
		m.Type = header.ICMPv6Unreachable
		switch code {
		case header.ICMPHostUnreachable: // not translated so, but what a router of IPv6 says
			m.Code = header.ICMPv6AddressUnreached
		case header.ICMPProtocolUnreachable:
			m.Type, m.Code, m.Rest = header.ICMPv6ParameterProblem, header.ICMPv6BadNextHeader, 6
		case header.ICMPPortUnreachable:
			m.Code = header.ICMPv6PortUnreachable
		case header.ICMPFragmentationNeeded:
			m.Type = header.ICMPv6PacketTooBig
		case 9, 10, 13:
			m.Code = header.ICMPv6AdminProhibited
		}
	case header.ICMPTimeExceeded:
		m.Type, m.Code = header.ICMPv6TimeExceeded, code
	case header.ICMPParameterProblem:
		m.Type = header.ICMPv6ParameterProblem
	}
	b := make([]byte, header.ICMPv6Len, header.ICMPv6Len+len(packet))
	m.Put(b)
	b = append(b, packet...)
	header.SetICMPv6Checksum(b, e.peer.own, e.peer.host)
	return e.wrap(header.ProtocolICMPv6, b)
}
