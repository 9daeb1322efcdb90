package link

import (
	"net/netip"

	"septet/header"
	"septet/packet"
)

// groupFrame is what a switch reads of a frame to a group of stations.
type groupFrame struct {
	src, group netip.Addr // of IP
	says       saying
	message    []byte // of IGMP or ICMPv6, where it says something
}

// saying is what a packet to a group tells a switch.
type saying uint8

const (
	nothing saying = iota
	groupReport
	groupQuery
	routerAdvertisement
)

// readGroupFrame reads a frame. RFC 4541, section 2.1.2: groups are told apart by their IP
// addresses, since several share one of Ethernet. It is not ok if the frame is no packet to a
// group, or says something that is not known or not valid: such frames are flooded
// (section 2.1.1).
func readGroupFrame(p *packet.Packet) (f groupFrame, ok bool) {
	h, payload, err := header.ParseEthernet(p.Head())
	if err != nil {
		return f, false
	}
	switch h.Type {
	case header.EtherTypeIPv4:
		ok = f.read4(p, payload)
	case header.EtherTypeIPv6:
		ok = f.read6(p, payload)
	}
	return f, ok && f.group.IsMulticast()
}

func (f *groupFrame) read4(p *packet.Packet, b []byte) bool {
	h, _, err := header.ParseIPv4(b)
	if err != nil {
		return false
	}
	f.src, f.group = h.Src, h.Dst
	if h.Protocol != header.ProtocolIGMP || h.MoreFragments || h.FragmentOffset > 0 {
		return true
	}
	_, message, err := header.ParseIPv4(p.Bytes()[header.EthernetLen:])
	if err != nil {
		return false
	}
	m, err := header.ParseIGMP(message)
	if err != nil {
		return false
	}
	f.message = message
	switch m.Type {
	case header.IGMPQuery:
		f.says = groupQuery
	case header.IGMPv1Report, header.IGMPv2Report, header.IGMPv2Leave, header.IGMPv3Report:
		f.says = groupReport
	default:
		return false
	}
	return true
}

func (f *groupFrame) read6(p *packet.Packet, b []byte) bool {
	h, rest, err := header.ParseIPv6(b)
	if err != nil {
		return false
	}
	f.src, f.group = h.Src, h.Dst
	next := h.NextHeader
	if next == header.ProtocolHopByHop {
		// RFC 3810, section 5: a message of MLD has a router alert in front.
		x, after, err := header.ParseExtension(next, rest)
		if err != nil {
			return false
		}
		next, rest = x.NextHeader, after
	}
	if next != header.ProtocolICMPv6 || len(rest) == 0 {
		return true
	}
	switch rest[0] {
	case header.ICMPv6ListenerQuery:
		f.says = groupQuery
	case header.ICMPv6ListenerReport, header.ICMPv6ListenerDone, header.ICMPv6ListenerReport2:
		f.says = groupReport
	case header.ICMPv6RouterAdvert:
		f.says = routerAdvertisement
	default:
		return true
	}
	if len(p.Tail()) > 0 {
		p.Own()
		return f.read6(p, p.Head()[header.EthernetLen:])
	}
	fromAfar := h.HopLimit != 1
	if f.says == routerAdvertisement {
		fromAfar = h.HopLimit != 255 // RFC 4861, section 6.1.2
	}
	_, _, err = header.ParseICMPv6(rest, h.Src, h.Dst)
	f.message = rest
	return err == nil && !fromAfar
}
